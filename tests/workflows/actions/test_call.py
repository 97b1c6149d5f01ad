"""One call: its key, its lineage, and nothing of its values shown."""

import pytest
from uuid_utils.compat import uuid7

from tests.workflows.making import make_instance
from workflows.actions.call import ActionCall, Arguments, Scope
from workflows.lineage import Lineage


class Greeting(Arguments, frozen=True, kw_only=True):
    name: str


def call(**scope):
    given = {"org": uuid7(), "env": uuid7(), "instance": uuid7()} | scope
    return ActionCall("greet", Greeting(name="s3cret"), Scope(**given))


def test_the_key_is_the_same_for_each_try_and_differs_for_each_execution() -> None:
    instance = uuid7()
    keys = [call(instance=instance, step=step).idempotency_key for step in ("charge/1", "charge/1", "charge/2")]
    assert keys[0] == keys[1] != keys[2]
    assert call(step="charge/1").idempotency_key != keys[0]
    assert call().idempotency_key is None


def test_a_call_shows_names_and_no_values() -> None:
    assert "s3cret" not in repr(call())
    assert "name" in repr(call())


@pytest.mark.django_db
def test_the_lineage_is_the_instances_with_the_definitions_above_it() -> None:
    root, parent = uuid7(), uuid7()
    made = make_instance("d", root_id=root, parent_id=parent, depth=3, chain=["a", "b", "c"])
    assert call(instance=made).lineage() == Lineage(made, root, parent, 3, ("a", "b", "c", "d"))


@pytest.mark.django_db
def test_an_instance_without_a_row_is_its_own_root() -> None:
    made = call()
    assert made.lineage() == Lineage(made.scope.instance, made.scope.instance)
