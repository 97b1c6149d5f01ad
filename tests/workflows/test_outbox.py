"""Rows that nobody is interested in go at once, the others are leased, settled or put off."""

import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.workflows.making import ENV, ORG, data_of, dense, make_instance, row
from workflows import engine, eventlog, outbox, turns
from workflows.endings import Completed
from workflows.fence import Append, Fence, Offspring
from workflows.identity import Identity
from workflows.models import Event, Instance, Outbox
from workflows.outbox import TERMINAL
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)


def make_rows(count, *, type_=TERMINAL, status="completed", **columns):
    instance = make_instance()
    return Outbox.objects.bulk_create(
        Outbox(
            instance_id=instance,
            org_id=ORG,
            env_id=ENV,
            type=type_,
            key=f"{instance}:{number}",
            payload={"status": status},
            created_at=timezone.now(),
            **columns,
        )
        for number in range(count)
    )


def keys():
    return list(Outbox.objects.order_by("id").values_list("key", flat=True))


def test_ends_that_interest_nobody_are_settled_oldest_first_up_to_the_limit():
    make_rows(5)
    before = keys()
    assert outbox.take(3, ()).settled == 3
    assert keys() == before[3:]
    assert outbox.take(3, ()).settled == 2
    assert outbox.take(3, ()) == outbox.Taken(0, [])


@pytest.mark.parametrize(
    "columns",
    [{"type_": "order.created"}, {"status": "cancelled"}, {"parent_id": ORG}],
    ids=["emitted", "cancelled", "child"],
)
def test_what_interests_somebody_is_leased_until_it_is_settled(columns):
    make_rows(2, **columns)
    taken = outbox.take(10, ())
    assert taken.settled == 0
    assert [told.key for told in taken.rows] == keys()
    assert outbox.take(10, ()).rows == []
    outbox.settle(taken.rows)
    assert keys() == []


def test_ends_are_told_to_the_environments_that_are_bound_to_them():
    make_rows(1)
    assert [told.env_id for told in outbox.take(10, [ENV]).rows] == [ENV]


def test_a_lease_that_lapsed_is_taken_again(settings):
    settings.WORKFLOWS = {"OUTBOX_LEASE_SECONDS": 0}
    make_rows(1, type_="order.created")
    assert len(outbox.take(10, ()).rows) == len(outbox.take(10, ()).rows) == 1


def test_what_was_put_off_waits_its_time(settings):
    settings.WORKFLOWS = {"OUTBOX_RETRY_SECONDS": 60}
    make_rows(2, type_="order.created")
    taken = outbox.take(10, ())
    outbox.put_off(taken.rows[:1])
    outbox.settle(taken.rows[1:])
    assert keys() == [taken.rows[0].key]
    assert Outbox.objects.get().available_at > timezone.now()
    outbox.put_off([])
    outbox.settle([])


def test_a_row_that_another_settles_is_passed_by():
    make_rows(2)
    held, release = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            Outbox.objects.select_for_update().order_by("id").first()
            held.set()
            release.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    assert outbox.take(10, ()).settled == 1
    release.set()
    holder.join()


def family(count=2):
    """Make a parent whose log tells of children, which end here, each in another way."""
    parent = make_instance("flow", status=Status.WAITING, wake_at=None)
    identity = Identity(parent, ORG, ENV, "flow", 1, parent)
    wishes = [Offspring(identity, f"child:noop:{number}", "noop", "null") for number in range(1, count + 1)]
    eventlog.append(Append(parent, tuple(map(turns.child_started, wishes))))
    children = []
    for wish in wishes:
        made = make_instance("noop", source="child", parent_id=parent)
        Event.objects.filter(instance_id=made).update(instance_id=wish.id)
        Instance.objects.filter(id=made).update(id=wish.id)
        children.append(wish.id)
    return parent, children


def test_a_parent_is_told_once_how_its_children_ended():
    parent, (good, bad) = family()
    eventlog.append(turns.finish(good, Completed('{"a":1}'), Fence()))
    engine.cancel(bad, "enough", actor="ann")
    taken = outbox.take(10, ())
    families = outbox.by_parent(taken.rows)
    assert list(families) == [parent]
    outbox.tell_parent(parent, families[parent])
    outbox.tell_parent(parent, families[parent])
    assert data_of(parent, "child_finished") == [
        {"instance_id": str(good), "status": "completed", "output": {"a": 1}},
        {
            "instance_id": str(bad),
            "status": "cancelled",
            "error": {"code": "cancelled", "message": "enough"},
        },
    ]
    assert row(parent).wake_at is not None
    assert keys() == []
    assert dense(parent)


def test_a_result_with_a_nul_in_a_text_reaches_the_parent_as_it_is():
    parent, (child,) = family(1)
    eventlog.append(turns.finish(child, Completed('{"a":"\\u0000b"}'), Fence()))
    outbox.tell_parent(parent, outbox.take(10, ()).rows)
    assert data_of(parent, "child_finished")[0]["output"] == {"a": "\0b"}


def test_a_parent_whose_log_has_no_room_for_an_end_does_not_wait_for_it_for_ever(settings):
    parent, (child,) = family(1)
    eventlog.append(turns.finish(child, Completed("1"), Fence()))
    settings.WORKFLOWS = {"MAX_EVENTS": row(parent).last_seq}
    outbox.tell_parent(parent, outbox.take(10, ()).rows)
    assert (row(parent).status, row(parent).error_code) == (Status.FAILED, "log_full")


def test_a_parent_that_has_ended_is_told_nothing():
    parent, (child,) = family(1)
    engine.cancel(parent, "over", actor="ann")
    engine.cancel(child, "over", actor="ann")
    for told in outbox.take(10, ()).rows:
        if told.parent_id is not None:
            outbox.tell_parent(parent, [told])
    assert data_of(parent, "child_finished") == []


def test_only_children_that_have_not_ended_are_unfinished():
    parent, (first, second) = family()
    caused = make_instance("noop", source="event", parent_id=parent)
    engine.cancel(first, "over", actor="ann")
    assert outbox.unfinished_children(parent) == [second]
    assert caused not in outbox.unfinished_children(parent)
