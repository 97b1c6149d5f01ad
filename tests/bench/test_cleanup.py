"""B11 on a few rows: that it measures what it says."""

import pytest

from bench import cleanup
from bench.rounds import Clock
from workflows.models import Event, Instance

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "ROWS", 200)
    monkeypatch.setattr(cleanup, "BACKLOG", 27)


def test_both_sides_cancel_the_same_rows_and_ours_tells_each_log() -> None:
    cleanup.fill()
    ids = set(Instance.objects.filter(definition="storm").values_list("id", flat=True))
    assert len(ids) == 27
    cleanup.by_update()
    assert set(Instance.objects.filter(status="cancelled").values_list("id", flat=True)) == ids
    assert Event.objects.count() == 200
    cleanup.in_batches()
    assert set(Instance.objects.filter(status="cancelled").values_list("id", flat=True)) == ids
    assert set(Event.objects.filter(type="cancelled").values_list("instance_id", flat=True)) == ids


def test_it_samples_both_sides() -> None:
    (b11,) = cleanup.of_a_storm(Clock(0))
    assert (len(b11.samples.ours), len(b11.samples.against)) == (1, 1)
    assert (b11.id, b11.target) == ("B11", "<= 1.2 x")
