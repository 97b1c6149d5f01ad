"""Where instances stand, wherever they are."""

from uuid import UUID, uuid4

import pytest

from mollifier.decision import Reason
from tests.intake.test_submission import full_env
from tests.tenants import make_env, request, seen
from workflows.intake import ancestry, submission
from workflows.intake.submission import Buffered, Started
from workflows.lineage import Lineage, root

pytestmark = pytest.mark.django_db


def start(env, parent=None, **fields):
    outcome = submission.submit(request(env, parent=parent, **fields))
    assert isinstance(outcome, Started | Buffered)
    return outcome.instance.id


def test_a_row_is_found_with_the_definitions_above_it():
    env = make_env()
    first = start(env)
    place = ancestry.find(seen(env), first)
    assert place == root(first, "greet")
    second = start(env, place)
    assert ancestry.find(seen(env), second) == Lineage(second, first, first, 1, ("greet", "greet"))


def test_one_that_is_buffered_is_found_too():
    env = full_env()
    parent = Lineage(uuid4(), uuid4(), None, 4, ("a",))
    waiting = submission.submit(request(env, parent=parent)).instance
    assert waiting.notice.code == Reason.ENV_RATE
    found = ancestry.find(seen(env), waiting.id)
    assert found == Lineage(waiting.id, parent.root_id, parent.instance_id, 5, ("a", "greet"))


def test_another_tenants_instance_is_not_found():
    acme, other = make_env("acme"), make_env("other")
    assert ancestry.find(seen(other), start(acme)) is None


def test_who_asks_is_the_named_one_else_the_one_of_the_headers():
    env = make_env()
    known, stranger = start(env), uuid4()
    place = root(known, "greet")
    sent = Lineage(stranger, uuid4(), None, 3, ("x",))
    assert ancestry.asking(seen(env), None, None) is None
    assert ancestry.asking(seen(env), known, sent) == place
    assert ancestry.asking(seen(env), None, Lineage(known, uuid4(), None, 9)) == place
    assert ancestry.asking(seen(env), None, sent) == sent
    assert ancestry.asking(seen(env), stranger, None) == Lineage(stranger, stranger)


def test_a_tree_is_the_root_and_all_that_came_of_it():
    env = make_env()
    first = start(env)
    second = start(env, ancestry.find(seen(env), first))
    third = start(env, ancestry.find(seen(env), second))
    start(env)
    for asked in (first, second, third):
        assert [each.id for each in ancestry.tree(seen(env), asked)] == [first, second, third]
    younger = [start(env, ancestry.find(seen(env), first), id=UUID(int=number)) for number in (2**127, 1)]
    assert [each.id for each in ancestry.tree(seen(env), first)] == [first, second, *younger, third]
    assert [each.id for each in ancestry.tree(seen(env), first, limit=2)] == [first, second]
    assert ancestry.tree(seen(env), uuid4()) is None
