"""Triggers as the API makes them, for benchmarks to put in."""

import uuid
from collections.abc import Sequence

from django.utils import timezone
from uuid_utils.compat import uuid7

from workflows import sharding
from workflows.trigger import Source, Trigger

# About what a web-hook carries.
PAYLOAD = b'{"order":"4711","lines":[{"sku":"A-100","n":2},{"sku":"B-200","n":1}],"note":"' + b"x" * 400 + b'"}'


def make(
    count: int,
    *,
    definition: str = "noop",
    payload: bytes = PAYLOAD,
    shards: int = 4,
    tenants: Sequence[tuple[uuid.UUID, uuid.UUID]] = ((uuid.uuid4(), uuid.uuid4()),),
    keyed: bool = False,
) -> list[Trigger]:
    """Return triggers for the tenants (org, env) in turn."""
    now = timezone.now()
    made = []
    for number in range(count):
        id_ = uuid7()
        org, env = tenants[number % len(tenants)]
        made.append(
            Trigger(
                id=id_,
                org_id=org,
                env_id=env,
                definition=definition,
                version=1,
                shard=sharding.shard_for(str(id_), shards),
                payload=payload,
                source=Source.API,
                accepted_at=now,
                root_id=id_,
                idempotency_key=str(id_) if keyed else None,
            )
        )
    return made
