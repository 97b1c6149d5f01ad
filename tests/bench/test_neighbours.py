"""B19 on a few entries: that the slow org is slow, and the quick one is measured."""

import pytest

from bench import neighbours
from bench.rounds import Clock


@pytest.fixture(autouse=True)
def _few(monkeypatch, settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "EXCHANGE_TIMEOUT_MS": 5_000, "SLOW_BATCH_MS": 50}
    for name, value in {"ROUNDS": 1, "SECONDS": 1.0, "A_SECOND": 20, "SLOW_SECONDS": 1.0, "SLOW_BACKLOG": 20}.items():
        monkeypatch.setattr(neighbours, name, value)


def test_a_quick_org_is_measured_beside_a_slow_one_and_alone():
    (found,) = neighbours.beside_a_slow_one(Clock(60))
    assert (found.id, found.target, found.unit) == ("B19", "<= 1.5 x", "ms")
    assert 0 < found.against < 1_000 * neighbours.SLOW_SECONDS
