"""Where a child may run, by the same preflight as for any trigger."""

import pytest
from uuid_utils.compat import uuid7

from tests.tenants import make_env
from workflows.fence import Failure, Offspring
from workflows.identity import Identity
from workflows.intake import children, refresher
from workflows.models import Definition
from workflows.trigger import Source

pytestmark = pytest.mark.django_db(transaction=True)


def wish(env, definition="greet", depth=2):
    parent = Identity(uuid7(), env.org_id, env.id, "flow", 1, uuid7(), depth)
    return Offspring(parent, "child:greet:1", definition, '{"a":1}')


def test_a_child_stands_one_below_its_parent():
    child = wish(make_env())
    (trigger,) = children.place([child])
    assert (trigger.id, trigger.payload, trigger.source) == (child.id, b'{"a":1}', Source.CHILD)
    assert (trigger.root_id, trigger.parent_id, trigger.depth) == (child.parent.root_id, child.parent.id, 3)


def test_each_child_that_can_not_run_has_its_reason():
    env = make_env()
    Definition.objects.create(slug="greet", active=False)
    refresher.refresh()
    found = children.place([wish(env), wish(env, "unheard-of")])
    assert [(type(each), each.code) for each in found] == [
        (Failure, "definition_inactive"),
        (Failure, "definition_not_found"),
    ]
