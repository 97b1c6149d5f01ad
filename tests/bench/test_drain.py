"""B4 and B5 on a few entries: that they measure what they say."""

import pytest

from bench import drain, triggers
from bench.rounds import Clock
from workflows.models import Event, Instance

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "ENTRIES", 20)
    monkeypatch.setattr(drain, "STARTS", 5)


def test_draining_leaves_a_row_with_its_first_event_for_each_trigger() -> None:
    made = triggers.make(20, tenants=drain.TENANTS)
    assert drain.drain(made) > 0
    assert set(Instance.objects.values_list("id", flat=True)) == {trigger.id for trigger in made}
    assert Event.objects.count() == 20


def test_what_is_copied_is_what_was_drained() -> None:
    drain.drain(triggers.make(20, tenants=drain.TENANTS))
    before = list(Instance.objects.order_by("id").values())
    drain.copy_in([drain.copy_out(table) for table in drain.TABLES])
    assert list(Instance.objects.order_by("id").values()) == before


def test_both_benchmarks_sample_both_sides() -> None:
    (b4,) = drain.against_copy(Clock(0))
    (b5,) = drain.against_starts(Clock(0))
    assert [(len(each.samples.ours), len(each.samples.against)) for each in (b4, b5)] == [(1, 1), (1, 1)]
    assert (b4.id, b4.target, b5.id, b5.target) == ("B4", ">= 0.6 x", "B5", ">= 15 x")
