"""What instances told is handed on: children of the cancelled, parents, and nobody twice."""

import pytest

from tests.workflows.making import data_of, make_instance, row
from workflows import engine, eventlog, turns
from workflows.endings import Completed
from workflows.fence import Fence
from workflows.intake import relay
from workflows.models import Outbox
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)


def test_children_of_a_cancelled_instance_are_cancelled_and_theirs_with_the_next_round():
    parent = make_instance("flow")
    child = make_instance("noop", source="child", parent_id=parent)
    grandchild = make_instance("noop", source="child", parent_id=child)
    caused = make_instance("noop", source="event", parent_id=parent)
    engine.cancel(parent, "enough", actor="ann")
    assert relay.deliver(10) == 1
    assert row(child).error_message == f"its parent {parent} was cancelled"
    assert relay.deliver(10) == 1
    assert relay.deliver(10) == 1
    assert row(grandchild).status == Status.CANCELLED
    assert row(caused).status == Status.PENDING
    assert not Outbox.objects.exists()


def test_children_that_an_instance_left_behind_in_another_way_go_on():
    parent = make_instance("noop", epoch=1)
    child = make_instance("noop", source="child", parent_id=parent)
    Outbox.objects.all().delete()
    eventlog.append(turns.finish(parent, Completed("1"), Fence(epoch=1)))
    assert relay.deliver(10) == 1
    assert row(child).status == Status.PENDING
    assert data_of(parent, "child_finished") == []
