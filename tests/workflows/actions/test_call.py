"""One call: its key, its lineage, and nothing of its values shown."""

from datetime import UTC, datetime

import pytest
from uuid_utils.compat import uuid7

from tests.tenants import make_env
from workflows.actions.call import ActionCall, Arguments, Scope
from workflows.models import Instance


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
def test_the_lineage_is_the_instances() -> None:
    env, root, now = make_env(), uuid7(), datetime.now(UTC)
    made = Instance.objects.create(
        org=env.org, env=env, definition="d", version=1, source="api", shard=0, root_id=root, depth=3,
        accepted_at=now, created_at=now, last_event_at=now,
    )  # fmt: skip
    lineage = call(instance=made.id).lineage()
    assert (lineage.root_id, lineage.instance_id, lineage.depth) == (root, made.id, 3)


@pytest.mark.django_db
def test_an_instance_without_a_row_is_its_own_root() -> None:
    made = call()
    assert made.lineage().root_id == made.scope.instance
    assert made.lineage().depth == 0
