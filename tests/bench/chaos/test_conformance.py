"""The fences of the log, tried as bin/bench stress tries them, and a judge that would see them broken."""

from collections import Counter

import pytest

from bench.chaos import conformance, deaths
from workflows import statements
from workflows.models import Event, Instance

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_fence_holds():
    found = conformance.tried(3)
    assert found.good, found.unexpected
    assert found.seen == {"appended": 3, "conflict": 21}
    assert Instance.objects.count() == Event.objects.count() == 0


@pytest.fixture
def without(monkeypatch):
    def take_out(fence: str) -> None:
        monkeypatch.setattr(statements, "APPEND", statements.APPEND.replace(fence, ""))
        statements.append.cache_clear()

    yield take_out
    monkeypatch.undo()
    statements.append.cache_clear()


def test_deciders_without_a_fence_are_seen(without):
    without("WHEN i.tail <> l.last_seq THEN 'conflict'")
    (instance,) = deaths.start("steps", b'{"n":1}', 1)
    assert conformance.one_decides(instance, Counter())


def test_a_dead_epoch_that_writes_is_seen(without):
    without("WHEN i.epoch <> l.epoch THEN 'lost_ownership'")
    (instance,) = deaths.start("steps", b'{"n":1}', 1)
    assert conformance.the_dead_do_not(instance)


def test_an_outsider_that_is_refused_is_seen(settings):
    settings.WORKFLOWS = {"MAX_EVENTS": 50}
    (instance,) = deaths.start("steps", b'{"n":1}', 1)
    assert conformance.outsiders_land(instance)
