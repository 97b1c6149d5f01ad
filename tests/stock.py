"""Entries and instances for pages to show."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from uuid_utils.compat import uuid7

from mollifier import gate
from mollifier.decision import Arrival, Mollify
from tests import tenants
from workflows import snapshot
from workflows.intake import lookup, refresher
from workflows.models import Environment, Instance


def mollify(environment: Environment, count: int, **fields: Any) -> list[UUID]:
    """Buffer some triggers by sending more than the limit lets pass; return the ids of those that wait."""
    env = tenants.seen(environment)
    waiting = []
    while len(waiting) < count:
        trigger = tenants.trigger(environment, **fields)
        arrival = Arrival(
            id=trigger.id,
            scope=lookup.scope_of(env),
            rollout=refresher.current().rollout(env.org.id, env.id),
            snapshot=snapshot.encode(trigger),
        )
        if isinstance(gate.admit(arrival), Mollify):
            waiting.append(trigger.id)
    return waiting


def make_instance(environment: Environment, **fields) -> Instance:
    id_, now = fields.pop("id", None) or uuid7(), timezone.now()
    known = {"definition": "greet", "version": 1, "shard": 0, "source": "api", "root_id": id_}
    times = {"accepted_at": now, "created_at": now, "last_event_at": now}
    return Instance.objects.create(id=id_, org_id=environment.org_id, env=environment, **(known | times | fields))
