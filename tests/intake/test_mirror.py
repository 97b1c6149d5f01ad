"""A mirrored entry against its row: the row builder's columns, one by one."""

import pytest
from django.utils import timezone

from mollifier.entry import Comparison
from tests.intake.draining import entry_of
from tests.tenants import make_env, request, trigger
from workflows import engine
from workflows.intake import mirror, submission
from workflows.models import Event, Instance

pytestmark = pytest.mark.django_db


@pytest.fixture
def started():
    made = trigger(tags=("vip",), metadata=b'{"a": 1}', idempotency_key="k")
    engine.start(made)
    return made


def compare(one):
    return mirror.compare([entry_of(one)])[one.id]


def test_a_row_that_was_started_from_the_same_trigger_is_equal(started):
    assert compare(started) is Comparison.EQUAL
    Instance.objects.update(status="completed", tags=["changed", "since"], wake_at=None)
    assert compare(started) is Comparison.EQUAL


@pytest.mark.parametrize(
    "changed",
    [
        {"definition": "other"},
        {"version": 9},
        {"shard": 3},
        {"source": "event"},
        {"idempotency_key": None},
        {"depth": 1},
        {"accepted_at": timezone.now()},
    ],
)
def test_a_row_that_is_another_differs(started, changed):
    Instance.objects.update(**changed)
    assert compare(started) is Comparison.DIFFERS


def test_another_payload_differs(started):
    Event.objects.filter(seq=1).update(data={"payload": "another"})
    assert compare(started) is Comparison.DIFFERS


def test_one_without_a_row_is_missing_unless_its_key_belongs_to_another(started):
    assert compare(trigger()) is Comparison.MISSING
    assert compare(trigger(idempotency_key="k")) is Comparison.EQUAL
    assert compare(trigger(idempotency_key="free")) is Comparison.MISSING


def test_a_snapshot_that_can_not_be_read_says_so(started):
    entry = entry_of(started)
    damaged = type(entry)(**{**{name: getattr(entry, name) for name in entry.__slots__}, "snapshot": b"\x01broken"})
    assert mirror.compare([damaged])[entry.id] is Comparison.UNREADABLE


def test_a_mirrored_trigger_is_answered_as_started():
    env = make_env("acme", "production", mode="mirror", limit=1, window_ms=60_000, hold_ms=60_000)
    outcomes = [submission.submit(request(env)) for _ in range(3)]
    outcomes += submission.submit_many([request(env) for _ in range(2)])
    assert [type(outcome) for outcome in outcomes] == [submission.Started] * 5
    assert Instance.objects.count() == 5


def test_one_that_can_not_be_looked_for_keeps_no_other(started):
    odd = trigger(idempotency_key="a\0b")
    found = mirror.compare([entry_of(odd), entry_of(started)])
    assert found == {odd.id: Comparison.UNREADABLE, started.id: Comparison.EQUAL}
