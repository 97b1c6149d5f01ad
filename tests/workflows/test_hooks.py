"""Resuming from outside: by token, once by resume id, and only while the hook is active."""

import threading

import pytest
from django.db import connection
from django.utils import timezone

from tests.workflows.making import ENV, dense, log_of, make_instance, row
from workflows import engine, eventlog, hooks, turns
from workflows.fence import Append, Appended, Fence
from workflows.hooks import HookNotFound, InstanceFinished, OpenHook, Resumed, ResumeMismatch, TooManyUnread
from workflows.models import Hook
from workflows.operations import Hook as Wanted
from workflows.states import EventType, Status

pytestmark = pytest.mark.django_db(transaction=True)


def opened(token="t", *, name="approval", instance=None, **columns):
    """Make a waiting instance that has an active hook, as its pump would."""
    id_ = instance or make_instance("flow", status=Status.WAITING, wake_at=None, epoch=3, **columns)
    assert isinstance(create(id_, token, name), Appended)
    return id_


def create(instance, token, name="approval"):
    event = turns.hook_created(f"hook:{name}:1", Wanted(name, token), timezone.now())
    return eventlog.append(Append(instance, (event,), Fence(epoch=3)))


def dispose(instance, name="approval"):
    event = turns.hook_disposed(f"hook:{name}:1", "closed")
    return eventlog.append(Append(instance, (event,), Fence(epoch=3)))


def test_a_resume_is_an_event_that_makes_the_instance_ready():
    instance = opened("t")
    assert hooks.resume("t", b'{"ok": true}') == Resumed(instance, 3)
    assert log_of(instance)[-1] == (3, "hook_received", "hook:approval:1")
    assert eventlog.read(instance)[-1].value() == {"payload": {"ok": True}, "resume_id": None}
    after = row(instance)
    assert (after.status, after.unread) == (Status.WAITING, 1)
    assert after.wake_at is not None


def test_a_paused_instance_receives_and_stays_paused():
    instance = opened("t")
    row_before = row(instance)
    row_before.status = Status.PAUSED
    row_before.save()
    assert isinstance(hooks.resume("t", b"1"), Resumed)
    assert (row(instance).status, row(instance).wake_at) == (Status.PAUSED, None)


def test_the_same_resume_again_is_answered_alike_and_written_once():
    instance = opened("t")
    first = hooks.resume("t", b"1", "r-1")
    assert hooks.resume("t", b"1", "r-1") == Resumed(first.instance_id, first.seq, again=True)
    assert hooks.resume("t", b"2", "r-1") == ResumeMismatch()
    assert isinstance(hooks.resume("t", b"2", "r-2"), Resumed)
    assert [type_ for _, type_, _ in log_of(instance)].count("hook_received") == 2


def test_a_repeat_is_answered_alike_after_the_hook_was_let_go_and_after_the_end():
    instance = opened("t")
    first = hooks.resume("t", b"1", "r-1")
    dispose(instance)
    assert hooks.resume("t", b"1", "r-1") == Resumed(instance, first.seq, again=True)
    assert hooks.resume("t", b"1", "r-2") == HookNotFound()
    engine.cancel(instance, "over", actor="ann")
    assert hooks.resume("t", b"1", "r-1") == Resumed(instance, first.seq, again=True)
    assert hooks.resume("t", b"1") == InstanceFinished(Status.CANCELLED)


def test_a_token_nobody_has_is_not_found():
    assert hooks.resume("nobody", b"1") == HookNotFound()


def test_a_token_that_was_let_go_may_be_used_again_by_any_environment():
    first = opened("t")
    dispose(first)
    second = opened("t", instance=make_instance("flow", status=Status.WAITING, wake_at=None, epoch=3))
    assert hooks.resume("t", b"1").instance_id == second
    assert Hook.objects.filter(token="t").count() == 2
    assert set(Hook.objects.values_list("env_id", flat=True)) == {ENV}


def test_a_token_that_is_active_clashes_and_the_event_says_so():
    opened("t")
    other = make_instance("flow", status=Status.WAITING, wake_at=None, epoch=3)
    outcome = create(other, "t")
    assert outcome.clashes == ("hook:approval:1",)
    assert log_of(other)[-1][1] == "hook_conflict"
    assert row(other).wake_at is not None
    assert dense(other)


def test_a_group_may_let_a_token_go_and_claim_it():
    first = opened("t")
    second = make_instance("flow", status=Status.WAITING, wake_at=None, epoch=3)
    made = turns.hook_created("hook:approval:1", Wanted("approval", "t"), timezone.now())
    gone = turns.hook_disposed("hook:approval:1", "closed")
    outcomes = eventlog.append_group([Append(second, (made,), Fence(epoch=3)), Append(first, (gone,), Fence(epoch=3))])
    assert all(isinstance(outcome, Appended) and not outcome.clashes for outcome in outcomes)
    assert Hook.objects.get(disposed_at=None).instance_id == second


def test_too_many_unread_are_refused_until_the_pump_writes(settings):
    settings.WORKFLOWS = {"MAX_UNREAD": 2}
    instance = opened("t")
    assert [type(hooks.resume("t", b"1")) for _ in range(3)] == [Resumed, Resumed, TooManyUnread]
    eventlog.append(Append(instance, (turns.wait_completed("wait:sleep:1"),), Fence(epoch=3)))
    assert isinstance(hooks.resume("t", b"1"), Resumed)


def test_a_full_log_takes_no_more_before_it_is_read(settings):
    settings.WORKFLOWS = {"MAX_EVENTS": 3}
    instance = opened("t")
    assert isinstance(hooks.resume("t", b"1"), Resumed)
    assert hooks.resume("t", b"1") == TooManyUnread(1)
    assert row(instance).status == Status.WAITING


def test_an_instance_whose_log_has_no_room_for_what_it_awaits_does_not_wait_for_ever(settings):
    settings.WORKFLOWS = {"MAX_EVENTS": 2}
    instance = opened("t")
    assert hooks.resume("t", b"1") == InstanceFinished(Status.FAILED)
    assert (row(instance).status, row(instance).error_code) == (Status.FAILED, "log_full")
    assert hooks.resume("t", b"1") == InstanceFinished(Status.FAILED)
    assert hooks.open_of(instance) == []
    assert dense(instance)


def test_ending_an_instance_lets_its_hooks_go_without_events():
    instance = opened("t")
    opened("u", name="other", instance=instance)
    assert hooks.open_of(instance) == [OpenHook("approval", "t"), OpenHook("other", "u")]
    engine.cancel(instance, "over", actor="ann")
    assert hooks.open_of(instance) == []
    assert log_of(instance)[-1][1] == EventType.CANCELLED


def test_resumes_and_the_end_of_their_hook_are_in_one_order():
    """Of many resumes that race the disposal, those before it are in the log and the others are refused."""
    instance = opened("t")
    answers, start = [], threading.Barrier(5)

    def send():
        start.wait(30)
        answers.extend(hooks.resume("t", b"1") for _ in range(10))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    start.wait(30)
    dispose(instance)
    for thread in threads:
        thread.join()
    names = [type_ for _, type_, _ in log_of(instance)]
    taken = [answer.seq for answer in answers if isinstance(answer, Resumed)]
    assert len(answers) == 40
    assert all(seq < names.index("hook_disposed") + 1 for seq in taken)
    assert names.count("hook_received") == len(taken)
    assert dense(instance)
