"""Bulk actions are worked on in slices, each thing counted once, and go on after whatever happened."""

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from tests import people, stock
from tests.bound import bind
from tests.intake import bulks
from tests.intake.test_bulk import queued
from tests.intake.test_deadletters import make_letter
from tests.intake.test_suppressed import end_all, storm_of
from tests.tenants import make_env, seen, trigger
from workflows import engine, snapshot, tasks
from workflows.audit import Actor
from workflows.intake import bulk, lookup, slices, targets
from workflows.intake.lookup import LookupUnavailable
from workflows.models import AuditRecord, BulkAction, BulkState, DeadLetterDecision, Event, Instance, Outbox
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)


def counts(action: BulkAction) -> tuple[int, int, int]:
    return action.done, action.skipped, action.failed


def start(environment, count, **fields) -> list:
    triggers = [trigger(environment, **fields) for _ in range(count)]
    for each in triggers:
        engine.start(each)
    return [each.id for each in triggers]


def test_everything_that_is_meant_is_cancelled_wherever_it_is_and_nothing_else():
    environment = make_env(mode="on", limit=1, window_ms=60_000)
    rows, kept = start(environment, 5), start(environment, 2, tags=("vip",))
    waiting = stock.mollify(environment, 2)
    action = bulks.run(bulks.make("cancel", "org:acme -vip", actor=Actor.from_user(people.make("olga"))))
    assert (action.state, counts(action), action.total) == (BulkState.DONE, (7, 0, 0), 7)
    assert set(Instance.objects.filter(status=Status.CANCELLED).values_list("id", flat=True)) == set(rows)
    assert Instance.objects.filter(pk__in=kept, finished_at=None).count() == 2
    shown = lookup.find_many(seen(environment), waiting).values()
    assert {(each.status, each.error.message) for each in shown} == {("cancelled", "mended")}
    record = AuditRecord.objects.get()
    assert (record.outcome, record.count, record.actor.get_username()) == ("done", 7, "olga")
    event = Event.objects.get(instance_id=rows[0], type="cancelled")
    assert event.data == {"reason": "mended", "actor": "olga"}


def test_slices_follow_each_other_without_doing_anything_twice(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "BULK_BATCH": 2, "BULK_SLICE_SECONDS": 0.0}
    environment = make_env()
    start(environment, 5)
    action = bulks.make("cancel", "org:acme")
    turns = 0
    while slices.run(action.pk, bulks.never) is False:
        turns += 1
    action.refresh_from_db()
    assert turns > 3
    assert (action.state, counts(action)) == (BulkState.DONE, (5, 0, 0))
    assert AuditRecord.objects.get().count == 5


def test_an_abort_is_honoured_between_batches(settings, monkeypatch):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "BULK_BATCH": 3}
    environment = make_env()
    start(environment, 9)
    action, cancel = bulks.make("cancel", "org:acme"), targets.cancel

    def cancel_and_ask(*given):
        BulkAction.objects.update(abort_by="oscar")
        return cancel(*given)

    monkeypatch.setattr(targets, "cancel", cancel_and_ask)
    action = bulks.run(action)
    assert (action.state, action.note, counts(action)) == (BulkState.ABORTED, "Aborted by oscar", (3, 0, 0))
    assert Instance.objects.filter(finished_at=None).count() == 6
    record = AuditRecord.objects.get()
    assert (record.outcome, record.count) == ("interrupted", 3)
    assert slices.run(action.pk, bulks.never) is True


def test_a_stop_ends_the_slice_and_the_next_goes_on(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "BULK_BATCH": 2}
    start(make_env(), 4)
    action = bulks.make("cancel", "org:acme -status:buffered,paused,cancelled")
    assert slices.run(action.pk, lambda: True) is False
    action.refresh_from_db()
    assert (action.state, action.done, action.place["step"]) == (BulkState.RUNNING, 2, 0)
    assert action.heartbeat_at
    assert bulks.run(action).done == 4


def test_what_ended_meanwhile_is_skipped(monkeypatch):
    start(make_env(), 2)
    action, cancel = bulks.make("cancel", "org:acme"), targets.cancel

    def too_late(target, *given):
        engine.cancel(target.id, "by hand", actor="somebody")
        return cancel(target, *given)

    monkeypatch.setattr(targets, "cancel", too_late)
    assert counts(bulks.run(action)) == (0, 2, 0)


def test_one_that_can_not_be_done_is_counted_and_the_others_go_on(monkeypatch):
    start(make_env(), 2)
    action, cancel = bulks.make("cancel", "org:acme"), targets.cancel
    bad = Instance.objects.order_by("id").first().pk

    def cancel_badly(target, reason, actor):
        if target.id == bad:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return cancel(target, reason, actor)

    monkeypatch.setattr(targets, "cancel", cancel_badly)
    action = bulks.run(action)
    assert (action.state, counts(action)) == (BulkState.DONE, (1, 0, 1))
    assert AuditRecord.objects.get().outcome == "partly"


def test_two_processes_do_not_work_on_one():
    make_env()
    action = bulks.make("cancel", "org:acme")
    with bulks.held(action):
        assert tasks.run_bulk(str(action.pk)) is None
    assert tasks.run_bulk(str(action.pk)) is True


def test_while_a_store_is_away_it_waits(monkeypatch):
    start(make_env(), 1)
    action, find = bulks.make("cancel", "org:acme"), targets.find
    for error in (LookupUnavailable(), OperationalError()):

        def fail(*_, error=error):
            raise error

        monkeypatch.setattr(targets, "find", fail)
        assert tasks.run_bulk(str(action.pk)) is None
    monkeypatch.setattr(targets, "find", find)
    assert bulks.run(action).state == BulkState.DONE


def test_what_nobody_expected_ends_it_with_a_word(monkeypatch):
    make_env()
    action = bulks.make("cancel", "org:acme")
    monkeypatch.setattr(targets, "find", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bulks.run(action)
    action.refresh_from_db()
    assert (action.state, action.note) == (BulkState.FAILED, "ZeroDivisionError: division by zero")
    assert AuditRecord.objects.get().outcome == "failed"


def test_a_filter_whose_tenant_is_gone_fails_with_the_word():
    make_env()
    action = bulks.make("cancel", "org:acme")
    BulkAction.objects.update(search="org:gone")
    action = bulks.run(action)
    assert action.state == BulkState.FAILED
    assert "there is no org gone here" in action.note


def test_dead_letters_are_redriven_with_a_decision_each():
    environment = make_env()
    env = seen(environment)
    vip = [make_letter(env, snapshot=snapshot.encode(trigger(environment, tags=("vip",)))) for _ in range(3)]
    other = make_letter(env)
    action = bulks.run(bulks.make("redrive", "vip"))
    assert (action.state, counts(action)) == (BulkState.DONE, (3, 0, 0))
    assert set(DeadLetterDecision.objects.values_list("entry_id", "reason")) == {(each, "mended") for each in vip}
    assert bulk.dry_run("redrive", "org:acme").sample[0]["id"] == str(other)


def test_what_storms_suppressed_is_replayed_through_the_damper(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "BULK_REPLAY_RATE": 10_000.0}
    env = make_env()
    bind(limit=4)
    storm_of(env, refused=6)
    end_all()
    action = bulks.run(bulks.make("replay_suppressed", "event:order.created"))
    assert (action.total, action.state, counts(action)) == (6, BulkState.DONE, (4, 0, 2))
    assert "the limit is 4" in action.note
    assert "2 are left" in action.note
    record = AuditRecord.objects.get()
    assert (record.outcome, record.count) == ("partly", 4)
    end_all()
    assert counts(bulks.run(bulks.make("replay_suppressed", "event:order.created"))) == (2, 0, 0)


def test_a_replay_that_is_cut_goes_on_in_the_next_slice(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "BULK_REPLAY_RATE": 20.0, "BULK_SLICE_SECONDS": 0.06}
    env = make_env()
    bind(limit=4)
    storm_of(env)
    end_all()
    action = bulks.make("replay_suppressed", "org:acme")
    assert slices.run(action.pk, bulks.never) is False
    assert counts(bulks.run(action)) == (3, 0, 0)
    assert Instance.objects.filter(finished_at=None).count() == 3


def test_a_task_hands_on_to_the_next(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "BULK_SLICE_SECONDS": 0.0}
    start(make_env(), 1)
    action = bulks.make("cancel", "org:acme")
    before = len(queued())
    assert tasks.run_bulk(str(action.pk)) is False
    assert len(queued()) == before + 1
    assert timezone.now() >= BulkAction.objects.get().heartbeat_at


def test_a_backlog_is_cancelled_as_the_command_does_it_in_rows_and_in_the_buffer():
    environment = make_env(mode="on", limit=1, window_ms=60_000)
    rows, other = start(environment, 3), stock.make_instance(environment, definition="other", status="pending").pk
    begun = stock.make_instance(environment, status=Status.RUNNING).pk
    waiting = stock.mollify(environment, 2)
    action = bulks.make("cancel_backlog", "definition:greet")
    assert action.total == len(rows) + len(waiting)
    late = start(environment, 1)
    action = bulks.run(action)
    assert (action.state, counts(action)) == (BulkState.DONE, (5, 0, 0))
    ended = set(Instance.objects.filter(status=Status.CANCELLED).values_list("id", flat=True))
    assert ended == {*rows, *waiting}
    assert not ended & {other, begun, *late}
    assert not Outbox.objects.exists()
    assert AuditRecord.objects.get().count == 5


def test_a_backlogs_slices_follow_each_other_and_it_is_aborted_after_a_batch(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "CLEANUP_BATCH": 2, "BULK_SLICE_SECONDS": 0.0}
    start(make_env(), 7)
    action = bulks.make("cancel_backlog", "org:acme")
    assert slices.run(action.pk, bulks.never) is False
    action.refresh_from_db()
    assert (action.state, action.done) == (BulkState.RUNNING, 2)
    assert slices.run(action.pk, bulks.never) is False
    assert bulk.abort(action, actor=Actor("oscar"))
    action.refresh_from_db()
    assert (action.state, action.done) == (BulkState.ABORTED, 4)
    assert AuditRecord.objects.get(pk=action.audit_id).outcome == "interrupted"
    assert bulks.run(bulks.make("cancel_backlog", "org:acme")).done == 3
