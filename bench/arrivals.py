"""Arrivals at the gate, for benchmarks that need no tables."""

import os
import uuid
from uuid import UUID

from uuid_utils.compat import uuid7

from mollifier.decision import Arrival, Binding, Limit, Limits, Mode, Rollout, Scope

# What the settings give an environment that has no flags of its own.
USUAL = Limits(Limit(100, 200, 500))
UNLIMITED = Limits()


def scopes(count: int) -> list[Scope]:
    """Return one environment in each of so many orgs."""
    return [Scope(str(UUID(int=1 << 96 | number)), str(UUID(int=2 << 96 | number))) for number in range(count)]


def make(
    count: int,
    *,
    orgs: int = 1,
    mode: Mode = Mode.ON,
    limits: Limits = UNLIMITED,
    size: int = 2048,
    keyed: bool = False,
    named: bool = False,
) -> list[Arrival]:
    """Return arrivals for the orgs in turn, each with a snapshot of its own that can't be compressed.

    `keyed` gives each an idempotency key, `named` the name of the request that brought it.
    """
    places, rollout = scopes(orgs), Rollout(mode, enrolled=True, limits=limits)
    made = []
    for number in range(count):
        id_ = uuid7()
        made.append(
            Arrival(
                id=id_,
                scope=places[number % orgs],
                rollout=rollout,
                snapshot=os.urandom(size),
                definition="noop",
                binding=Binding("noop", str(id_), uuid.uuid4().hex) if keyed else None,
                sent_as=str(id_) if named else None,
            )
        )
    return made
