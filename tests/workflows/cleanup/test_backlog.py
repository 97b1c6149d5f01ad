"""Cancelling a backlog."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from tests.workflows.making import ENV, ORG, data_of, dense, held_row, log_of, make_instance, make_instances, row
from workflows import audit, engine, eventlog
from workflows.audit import Act, Actor
from workflows.cleanup import backlog, batches
from workflows.cleanup.backlog import Selection
from workflows.cleanup.batches import Tally, Walk
from workflows.fence import AlreadyFinished, Append, NewEvent
from workflows.intake import relay
from workflows.models import AuditRecord, Hook, Instance, Outbox, Shard
from workflows.pump import claims, leases
from workflows.states import EventType, Status

pytestmark = pytest.mark.django_db(transaction=True)


def selection(*workflows: str, **fields) -> Selection:
    return Selection(before=timezone.now(), workflows=workflows or None, **fields)


def cancel(chosen: Selection, how: Walk | None = None) -> Tally:
    return backlog.cancel(chosen, "a storm", actor="command: olga", how=how or Walk(), batch=3)


def statuses(ids: list[UUID]) -> set[str]:
    return set(Instance.objects.filter(id__in=ids).values_list("status", flat=True))


def test_what_waits_is_cancelled_with_the_reason_and_its_log_is_ended_densely():
    pending = make_instances("storm", [1] * 7)
    paused = make_instance("storm", status="paused", wake_at=None)
    tally = cancel(selection("storm"))
    assert (tally.done, tally.complete) == (8, True)
    for id_ in (*pending, paused):
        ended = row(id_)
        assert (ended.status, ended.error_code, ended.error_message) == ("cancelled", "cancelled", "a storm")
        assert (ended.wake_at, ended.last_seq) == (None, 2)
        assert ended.finished_at == ended.last_event_at
        assert log_of(id_)[1:] == [(2, "cancelled", "end")]
        assert data_of(id_, "cancelled") == [{"reason": "a storm", "actor": "command: olga"}]
        assert dense(id_)


def test_no_terminal_events_are_emitted():
    make_instances("storm", [1, 2])
    cancel(selection("storm"))
    assert not Outbox.objects.exists()


def test_what_has_ended_or_waits_for_a_wait_is_left_alone():
    waiting = make_instance("storm", status="waiting")
    ended = make_instance("storm", status="completed", finished_at=timezone.now(), wake_at=None)
    assert cancel(selection("storm")).done == 0
    assert statuses([waiting, ended]) == {"waiting", "completed"}


def test_only_what_the_selection_names_is_meant():
    here, elsewhere, foreign = make_instances("storm", [1] * 3)
    Instance.objects.filter(id=elsewhere).update(env_id=uuid7())
    Instance.objects.filter(id=foreign).update(org_id=uuid7())
    other = make_instance("calm")
    later = make_instance("storm")
    Instance.objects.filter(id=later).update(accepted_at=timezone.now() + timedelta(hours=1))
    paused = make_instance("storm", status="paused", wake_at=None)
    chosen = selection("storm", orgs=(ORG,), envs=(ENV,), statuses=(Status.PENDING,))
    assert cancel(chosen).done == 1
    assert row(here).status == "cancelled"
    assert statuses([elsewhere, foreign, other, later]) == {"pending"}
    assert row(paused).status == "paused"


def test_instances_are_meant_by_the_event_they_come_from():
    ordered, paid, neither = make_instances("storm", [1] * 3)
    Instance.objects.filter(id=ordered).update(event_type="order.created")
    Instance.objects.filter(id=paid).update(event_type="order.paid")
    assert cancel(selection(events=("order.created",))).done == 1
    assert row(ordered).status == "cancelled"
    assert statuses([paid, neither]) == {"pending"}


def test_a_batch_looks_at_a_bounded_stretch_and_the_next_goes_on_behind_it(settings):
    settings.WORKFLOWS = settings.WORKFLOWS | {"CLEANUP_LOOKED_AT": 4}
    first = make_instance("storm")
    make_instances("calm", [1] * 11)
    last = make_instance("storm")
    tally = cancel(selection("storm"))
    assert (tally.done, tally.batches) == (2, 5)
    assert statuses([first, last]) == {"cancelled"}
    assert backlog.count(selection("calm")).count == 11


def test_it_goes_down_an_index_and_never_scans_the_table():
    make_instances("calm", [1] * 3_000, status="completed", finished_at=timezone.now(), wake_at=None)
    make_instances("storm", [1] * 1_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE workflows_instance")
        chosen = selection("storm")
        parameters = {"status": "pending", "after": batches.FIRST, "before": chosen.before, "workflows": ["storm"]}
        values = {"events": None, "orgs": None, "envs": None, "reason": "r", "data": "{}", "bytes": 2, "record": None}
        statement = backlog.CANCEL.format(dead="TRUE", looked_at=200, limit=20)
        cursor.execute(f"EXPLAIN {statement}", parameters | values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "instance_unfinished" in plan
    assert "Seq Scan on workflows_instance" not in plan


def test_a_repeat_goes_on_with_what_is_left_and_does_nothing_twice():
    ids = make_instances("storm", [1] * 9)
    chosen, done = selection("storm"), []
    first = cancel(chosen, Walk(stop=lambda: len(done) == 1, told=done.append))
    assert (first.done, first.stopped) == (3, True)
    assert cancel(chosen).done == 6
    assert cancel(chosen).done == 0
    assert all(dense(id_) and len(log_of(id_)) == 2 for id_ in ids)


def test_each_batch_counts_in_the_audit_record_by_the_statement_that_does_it():
    make_instances("storm", [1] * 7)
    record, seen = audit.begin(Act(verb="v", actor=Actor("x"), reason="r")), []

    def look(_done: int) -> None:
        seen.append(AuditRecord.objects.get(pk=record).count)

    cancel(selection("storm"), Walk(record=record, told=look))
    assert seen[:3] == [3, 6, 7]
    assert AuditRecord.objects.get(pk=record).count == 7


def test_a_row_that_somebody_holds_does_not_hold_up_the_others():
    ids = make_instances("storm", [1] * 4)
    with held_row(ids[1]):
        tally = cancel(selection("storm"))
    assert (tally.done, tally.busy, tally.complete) == (3, 1, False)
    assert cancel(selection("storm")).done == 1


def test_a_running_one_is_only_meant_when_asked_for_and_its_epoch_is_not_live():
    ids = make_instances("storm", [1] * 3, shard=2)
    live = leases.acquire(2, "pump")
    claims.claim(2, live.epoch, 10)
    assert cancel(selection("storm", stale_running=True)).done == 0
    Shard.objects.filter(index=2).update(deadline=timezone.now() - timedelta(seconds=1))
    assert cancel(selection("storm")).done == 0
    assert cancel(selection("storm", stale_running=True)).done == 3
    assert statuses(ids) == {"cancelled"}
    refused = eventlog.append(Append(ids[0], (NewEvent(EventType.STEP_COMPLETED, "s"),)))
    assert isinstance(refused, AlreadyFinished)


def test_what_a_new_pump_took_over_is_live_again():
    make_instances("storm", [1] * 2, shard=1)
    lost = leases.acquire(1, "first")
    claims.claim(1, lost.epoch, 1)
    Shard.objects.filter(index=1).update(deadline=timezone.now() - timedelta(seconds=1))
    taken = leases.acquire(1, "second")
    claims.claim(1, taken.epoch, 1)
    assert Instance.objects.filter(status="running").count() == 2
    assert cancel(selection("storm", stale_running=True)).done == 1
    assert Instance.objects.get(status="running").epoch == taken.epoch


def test_counting_tells_how_many_of_what_and_changes_nothing(settings):
    settings.WORKFLOWS = settings.WORKFLOWS | {"CLEANUP_LOOKED_AT": 5}
    ids = make_instances("storm", [1] * 12)
    make_instance("squall", status="paused", wake_at=None)
    counted = backlog.count(selection())
    told = [(group.definition, group.status, group.count) for group in counted.groups]
    assert told == [("storm", "pending", 12), ("squall", "paused", 1)]
    assert (counted.count, counted.groups[0].org_id, counted.groups[0].env_id) == (13, ORG, ENV)
    assert set(counted.sample) == set(ids[:10])
    assert statuses(ids) == {"pending"}


def test_a_reason_that_no_table_could_hold_is_kept_as_far_as_it_can():
    id_ = make_instance("storm")
    backlog.cancel(selection("storm"), "nul \x00 here", actor="x", how=Walk())
    assert row(id_).error_message == "nul \ufffd here"


def test_cancelling_one_by_one_meanwhile_ends_each_once():
    ids = make_instances("storm", [1] * 4)
    engine.cancel(ids[2], "by hand", actor="olga")
    assert cancel(replace(selection("storm"), stale_running=True)).done == 3
    assert all(len(log_of(id_)) == 2 for id_ in ids)


def test_the_hooks_of_what_is_cancelled_are_let_go():
    mine = make_instance("storm", status="paused", started_at=timezone.now(), wake_at=None)
    other = make_instance("calm", status="waiting", started_at=timezone.now())
    for id_ in (mine, other):
        Hook.objects.create(
            token=str(id_), name="h", instance_id=id_, env_id=ENV, correlation_id="c", created_at=timezone.now()
        )
    assert cancel(selection("storm")).done == 1
    assert Hook.objects.get(instance_id=mine).disposed_at is not None
    assert Hook.objects.get(instance_id=other).disposed_at is None


def test_only_a_family_hears_of_the_end():
    parent = make_instance("calm", status="waiting", started_at=timezone.now())
    child, begun, grandchild, alone = make_instances("storm", [1] * 4)
    Instance.objects.filter(id=child).update(source="child", parent_id=parent)
    Instance.objects.filter(id=begun).update(status="paused", started_at=timezone.now(), wake_at=None)
    Instance.objects.filter(id=grandchild).update(definition="calm", source="child", parent_id=begun)
    assert cancel(selection("storm")).done == 3
    told = {each.instance_id: each for each in Outbox.objects.all()}
    assert {id_: each.parent_id for id_, each in told.items()} == {child: parent, begun: None}
    assert all(each.payload["quiet"] and each.payload["status"] == "cancelled" for each in told.values())
    relay.deliver(10)
    assert row(grandchild).status == "cancelled"
    assert row(alone).status == "cancelled"
