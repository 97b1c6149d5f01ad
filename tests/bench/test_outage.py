"""B18 on a few calls: that Redis really is away, and comes back."""

from contextlib import nullcontext

import pytest
from django_redis import get_redis_connection

from bench import outage
from bench.rounds import Clock


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(outage, "ROUNDS", 1)
    monkeypatch.setattr(outage, "CALLS", 20)


def test_every_way_of_being_away_is_measured_and_over_afterwards():
    ways = [f"B18.{way}{which}" for way in ("unreachable", "hung", "refusing") for which in ("", "_worst")]
    found = {each.id: each.ours for each in outage.held_up(Clock(60))}
    assert list(found) == ways
    assert found["B18.hung_worst"] >= 50, "a stopped server is waited for"
    assert get_redis_connection("buffer").ping()
    assert get_redis_connection("buffer").set("still", "writable")


def test_a_gate_that_is_answered_is_no_measurement():
    with pytest.raises(AssertionError, match="it was decided"):
        outage.measured(nullcontext)
