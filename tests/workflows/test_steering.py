"""Verbs on rows: what each writes, what it refuses, and that none is lost among others."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from tests.tenants import trigger
from tests.workflows.making import data_of, dense, log_of, row
from tests.workflows.test_eventlog import in_threads
from workflows import engine, steering
from workflows.attributes import ChangeMetadata, ChangeTags, Increment, LimitExceeded, Set, VersionConflict
from workflows.engine import AlreadyFinished, FenceConflict, NotFound
from workflows.models import Instance, Shard
from workflows.pump import claims, leases
from workflows.rows import Draft
from workflows.states import Status
from workflows.steering import AlreadyStarted, Changed

pytestmark = pytest.mark.django_db(transaction=True)
LATER = datetime(2040, 1, 1, tzinfo=UTC)


def started(**fields):
    made = trigger(**fields)
    engine.start_many([Draft(made)])
    return made.id


def claim(limit=10):
    leases.acquire(0, "test")
    return [claimed.id for claimed in claims.claim(0, Shard.objects.get(index=0).epoch, limit).claims]


def tag(id_, *add, remove=(), **fields):
    return steering.change_attributes(id_, ChangeTags(add, remove), actor="ada", **fields)


def operate(id_, *operations, expected=None, **fields):
    return steering.change_attributes(id_, ChangeMetadata(operations, 1_000, expected), actor="ada", **fields)


VERBS = {
    "tags": lambda id_, **fields: tag(id_, "vip", **fields),
    "metadata": lambda id_, **fields: operate(id_, Set("a", 1), **fields),
    "reschedule": lambda id_, **fields: steering.reschedule(id_, LATER, actor="ada", **fields),
    "pause": lambda id_, **fields: steering.pause(id_, actor="ada", **fields),
    "resume": lambda id_, **fields: steering.resume(id_, actor="ada", **fields),
}


def test_tags_and_metadata_change_and_the_log_says_how():
    id_ = started(tags=("a", "b"), metadata=b'{"n":1.50,"l":[]}')
    assert tag(id_, "c", remove=("a",)) == Changed(2)
    assert operate(id_, Set("m", [])) == Changed(3)
    held = row(id_)
    assert (held.tags, held.metadata, held.metadata_version) == (["b", "c"], {"n": 1.5, "l": [], "m": []}, 1)
    assert data_of(id_, "attribute_set") == [
        {"tags": {"add": ["c"], "remove": ["a"]}, "actor": "ada"},
        {"metadata": [{"op": "set", "key": "m", "value": []}], "actor": "ada"},
    ]
    assert (held.status, held.wake_at is not None, dense(id_)) == (Status.PENDING, True, True)


def test_what_changes_nothing_appends_nothing():
    id_ = started(tags=("a",))
    assert tag(id_, "a") == tag(id_, remove=("x",)) == Changed(1)
    assert steering.resume(id_, actor="ada") == Changed(1)
    assert [steering.pause(id_, actor="ada") for _ in range(2)] == [Changed(2), Changed(2)]
    assert [steering.reschedule(id_, LATER, actor="ada") for _ in range(2)] == [Changed(3), Changed(3)]


def test_limits_and_versions_are_those_of_the_buffer():
    id_ = started(tags=tuple("abcdefghij"))
    assert tag(id_, "k") == LimitExceeded("tags", 10)
    assert operate(id_, Set("a", "x" * 1_000)) == LimitExceeded("metadata", 1_000)
    assert operate(id_, Set("a", 1), expected=0) == Changed(2)
    assert operate(id_, Set("a", 1), expected=0) == VersionConflict(0, 1)
    assert row(id_).last_seq == 2


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_obeys_its_fence_and_the_end(verb):
    assert VERBS[verb](trigger().id) == NotFound()
    id_ = started()
    assert VERBS[verb](id_, expected_seq=0) == FenceConflict(0, 1)
    if verb == "resume":
        VERBS["pause"](id_)
    assert VERBS[verb](id_, expected_seq=row(id_).last_seq) == Changed(row(id_).last_seq)
    engine.cancel(id_, "enough", actor="ada")
    tail = row(id_).last_seq
    assert VERBS[verb](id_) == VERBS[verb](id_, expected_seq=1) == AlreadyFinished(Status.CANCELLED)
    assert row(id_).last_seq == tail


def test_what_has_not_started_is_put_off_and_brought_forward():
    id_ = started()
    assert steering.reschedule(id_, LATER, actor="ada") == Changed(2)
    assert claim() == []
    assert (row(id_).run_after, row(id_).wake_at) == (LATER, LATER)
    steering.reschedule(id_, timezone.now() - timedelta(seconds=1), actor="ada")
    assert claim() == [id_]
    assert steering.reschedule(id_, LATER, actor="ada") == AlreadyStarted()


def test_a_paused_instance_is_not_claimed_before_it_is_resumed():
    id_ = started()
    assert steering.pause(id_, actor="ada") == Changed(2)
    assert (row(id_).status, row(id_).wake_at, claim()) == (Status.PAUSED, None, [])
    assert steering.resume(id_, actor="ada") == Changed(3)
    assert (row(id_).status, claim()) == (Status.PENDING, [id_])
    assert [type_ for _, type_, _ in log_of(id_)] == ["created", "paused", "resumed", "started"]


def test_a_pause_keeps_the_time_of_a_start_and_a_new_time_keeps_the_pause():
    id_ = started(run_after=LATER)
    steering.pause(id_, actor="ada")
    sooner = LATER - timedelta(days=1)
    assert steering.reschedule(id_, sooner, actor="ada") == Changed(3)
    assert (row(id_).status, row(id_).wake_at) == (Status.PAUSED, None)
    steering.resume(id_, actor="ada")
    assert (row(id_).status, row(id_).wake_at) == (Status.PENDING, sooner)


def test_an_instance_is_born_paused_with_its_log_and_resumes_at_its_time():
    at_once, later = started(paused=True), started(paused=True, run_after=LATER)
    for id_ in (at_once, later):
        held = row(id_)
        assert (held.status, held.wake_at, held.finished_at, held.last_seq) == (Status.PAUSED, None, None, 2)
        assert dense(id_)
        assert steering.resume(id_, actor="ada") == Changed(3)
    assert claim() == [at_once]
    assert row(later).wake_at == LATER


def test_changes_of_many_at_once_are_all_kept():
    id_ = started()
    outcomes = in_threads(8, lambda number: [operate(id_, Increment("n"), Set(str(number), turn)) for turn in range(5)])
    assert sorted(each.seq for some in outcomes for each in some) == list(range(2, 42))
    assert (row(id_).metadata["n"], row(id_).metadata_version, dense(id_)) == (40, 40, True)


def test_of_many_who_expect_one_version_one_changes_it():
    id_ = started()
    outcomes = in_threads(8, lambda number: operate(id_, Set("by", number), expected=0))
    assert sorted(type(each).__name__ for each in outcomes) == ["Changed"] + ["VersionConflict"] * 7


def test_a_row_is_amended_with_what_its_entry_became_finished_or_not():
    for end in (False, True):
        made = trigger(tags=("a",))
        engine.start(made)
        if end:
            engine.cancel(made.id, "enough", actor="ada")
        became = made.evolve(tags=("b",), metadata=b'{"x":[]}', metadata_version=2, paused=True, run_after=LATER)
        for _ in range(2):
            steering.amend(became, actor="buffer")
        held = row(made.id)
        assert (held.tags, held.metadata, held.metadata_version) == (["b"], {"x": []}, 2)
        assert held.status == (Status.CANCELLED if end else Status.PAUSED)
        assert dense(made.id)


def test_a_row_that_was_changed_itself_is_not_set_back():
    made = trigger()
    engine.start(made.evolve(tags=("entry",), metadata_version=1))
    tag(made.id, "row")
    steering.amend(made.evolve(tags=("entry",), metadata_version=1), actor="buffer")
    assert row(made.id).tags == ["entry", "row"]


def test_a_change_from_outside_is_no_progress_of_an_instance_whose_owners_die():
    id_ = started()
    Instance.objects.filter(id=id_).update(takeovers=3)
    tag(id_, "vip")
    steering.pause(id_, actor="ada")
    steering.resume(id_, actor="ada")
    assert row(id_).takeovers == 3
