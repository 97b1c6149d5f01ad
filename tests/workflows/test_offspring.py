"""A parent's event and its children's rows are written both or neither."""

import pytest

from tests.tenants import trigger
from tests.workflows.making import ENV, ORG, data_of, held_row, log_of, make_instance, row
from workflows import offspring, turns
from workflows.fence import Append, Appended, Busy, Faulty, Fence, LostOwnership, Offspring
from workflows.identity import Identity
from workflows.models import Instance
from workflows.trigger import Source

pytestmark = pytest.mark.django_db(transaction=True)


def wished(parent, count=2, epoch=3):
    identity = Identity(parent, ORG, ENV, "flow", 1, parent)
    children = tuple(Offspring(identity, f"child:greet:{n}", "greet", "null") for n in range(1, count + 1))
    return Append(parent, tuple(map(turns.child_started, children)), Fence(epoch=epoch), children=children)


def born(request):
    return [
        trigger(id=child.id, source=Source.CHILD, parent_id=request.instance_id, depth=1) for child in request.children
    ]


def test_children_are_written_with_the_event_that_tells_of_them():
    parent = make_instance("flow", epoch=3)
    request = wished(parent)
    assert isinstance(offspring.append(request, born(request), waits=True), Appended)
    assert [data["instance_id"] for data in data_of(parent, "child_started")] == [str(c.id) for c in request.children]
    assert set(Instance.objects.filter(parent_id=parent).values_list("id", flat=True)) == {
        child.id for child in request.children
    }
    assert {log_of(child.id)[0][1] for child in request.children} == {"created"}


def test_the_name_of_a_child_is_the_same_however_often_it_is_asked_for():
    parent = make_instance("flow", epoch=3)
    assert [child.id for child in wished(parent).children] == [child.id for child in wished(parent).children]


def test_a_child_that_is_there_already_stays_as_it_is():
    parent = make_instance("flow", epoch=3)
    request = wished(parent, 1)
    offspring.append(request, born(request), waits=True)
    again = [each.evolve(tags=("other",)) for each in born(request)]
    assert isinstance(offspring.append(request, again, waits=True), Appended)
    assert row(request.children[0].id).tags == []


def test_a_refused_append_writes_no_child():
    parent = make_instance("flow", epoch=4)
    request = wished(parent)
    assert offspring.append(request, born(request), waits=True) == LostOwnership(4)
    assert not Instance.objects.filter(parent_id=parent).exists()


def test_a_parent_that_is_locked_is_busy_unless_it_is_waited_for():
    parent = make_instance("flow", epoch=3)
    request = wished(parent)
    with held_row(parent):
        assert offspring.append(request, born(request), waits=False) == Busy()
    assert not Instance.objects.filter(parent_id=parent).exists()


@pytest.mark.parametrize(
    ("payload", "definition"),
    [(b'"\\u0000 \\ud800"', "\0"), (b"\xff", "\0"), (b"[" * 100_000 + b"]" * 100_000, "greet")],
    ids=["nul", "no text", "too deep"],
)
def test_a_child_that_can_not_be_held_takes_its_parents_event_with_it(payload, definition):
    parent = make_instance("flow", epoch=3)
    request = wished(parent, 1)
    broken = [each.evolve(payload=payload, definition=definition) for each in born(request)]
    assert isinstance(offspring.append(request, broken, waits=True), Faulty)
    assert data_of(parent, "child_started") == []
