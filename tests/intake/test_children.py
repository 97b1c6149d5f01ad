"""Where a child may run."""

from uuid import uuid4

import pytest

from tests.tenants import make_env, request
from workflows.fence import Failure, Offspring
from workflows.identity import Identity
from workflows.intake import children, submission

pytestmark = pytest.mark.django_db


def parent_of(env, **fields) -> Identity:
    row = submission.submit(request(env)).instance
    return Identity(row.id, env.org_id, env.id, "greet", 1, row.root_id, **fields)


def test_a_child_has_the_place_below_its_parents_row():
    env = make_env()
    parent = parent_of(env)
    (child,) = children.place([Offspring(parent, "child:greet:1", "greet", "null")])
    assert (child.root_id, child.parent_id, child.depth, child.chain) == (parent.id, parent.id, 1, ("greet",))


def test_a_parent_whose_row_is_gone_is_placed_by_what_its_code_knows():
    env = make_env()
    root = uuid4()
    parent = Identity(uuid4(), env.org_id, env.id, "greet", 1, root, 3)
    (child,) = children.place([Offspring(parent, "child:greet:1", "greet", "null")])
    assert (child.root_id, child.parent_id, child.depth) == (root, parent.id, 4)


def test_what_can_not_run_or_is_too_deep_says_why():
    env = make_env()
    deep = Identity(uuid4(), env.org_id, env.id, "greet", 1, uuid4(), 10)
    asked = [Offspring(parent_of(env), "a", "nowhere", "null"), Offspring(deep, "b", "greet", "null")]
    found = children.place(asked)
    assert [type(each) for each in found] == [Failure, Failure]
    assert [each.code for each in found] == ["definition_not_found", "throttled_cascade"]
