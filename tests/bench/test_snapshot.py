"""B14 on little: that it measures what it says."""

import pytest

from bench import snapshot
from bench.estate import Size
from bench.rounds import Clock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _little(monkeypatch, settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "EXCHANGE_TIMEOUT_MS": 5_000}
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    for name, value in {
        "SMALL": Size(2, 10, 2), "LARGE": Size(20, 50, 5), "LARGEST": Size(30, 100, 5), "TAKES": 2, "VISITS": 1,
    }.items():  # fmt: skip
        monkeypatch.setattr(snapshot, name, value)


def test_the_snapshot_is_measured_by_size_and_every_page_answers() -> None:
    main, flat = snapshot.snapshots(Clock(60))
    assert main.what.endswith("30 buffered, 100 instances, 5 orgs, against 2 buffered, 10 instances, 2 orgs")
    assert (main.target, len(main.samples.ours)) == ("<= 100 ms", 2)
    assert (flat.target, "against 20 buffered" in flat.what) == ("<= 1.5 x", True)
    assert [each.id for each in snapshot.pages()] == [f"B14.{name}" for name in snapshot.PAGES]
