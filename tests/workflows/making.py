"""Instances as the row builder makes them, for tests of what runs them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from workflows.identity import Identity
from workflows.models import Event, Instance
from workflows.states import EventType

ORG, ENV = uuid7(), uuid7()


def make_instance(
    definition: str = "noop", payload: object = None, *, shard: int = 0, version: int = 1, **columns
) -> UUID:
    return make_instances(definition, [payload], shard=shard, version=version, **columns)[0]


def make_instances(definition: str, payloads: list, *, shard: int = 0, version: int = 1, **columns) -> list[UUID]:
    now = timezone.now()
    rows = []
    for _ in payloads:
        instance_id = uuid7()
        given = {"org_id": ORG, "env_id": ENV, "source": "python", "root_id": instance_id} | columns
        due = {"wake_at": now, "last_seq": 1, "last_event_at": now}
        rows.append(
            Instance(
                id=instance_id,
                definition=definition,
                version=version,
                shard=shard,
                metadata={},
                accepted_at=now,
                created_at=now,
                **(due | given),
            )
        )
    Event.objects.bulk_create(
        Event(instance_id=row.id, seq=1, type=EventType.CREATED, correlation_id="", data={"payload": payload}, at=now)
        for row, payload in zip(rows, payloads, strict=True)
    )
    Instance.objects.bulk_create(rows)
    return [row.id for row in rows]


def identity_of(instance_id: UUID | None = None, definition: str = "flow") -> Identity:
    """Return what the context of an instance's code is made of."""
    id_ = instance_id or uuid7()
    return Identity(id_, ORG, ENV, definition, 1, id_)


def row(instance_id: UUID) -> Instance:
    return Instance.objects.get(id=instance_id)


def output(instance_id: UUID) -> object:
    """Return what a completed instance answered."""
    (data,) = data_of(instance_id, EventType.COMPLETED)
    return data["output"]


def types_of(instance_id: UUID) -> list[str]:
    return [type_ for _, type_, _ in log_of(instance_id)]


def log_of(instance_id: UUID) -> list[tuple[int, str, str]]:
    """Return (seq, type, correlation id) of each event."""
    return list(
        Event.objects.filter(instance_id=instance_id).order_by("seq").values_list("seq", "type", "correlation_id")
    )


def data_of(instance_id: UUID, type_: str) -> list[dict]:
    return [event.data for event in Event.objects.filter(instance_id=instance_id, type=type_).order_by("seq")]


def dense(instance_id: UUID) -> bool:
    """Say whether the log runs 1, 2, 3 without a gap, up to the row's tail."""
    numbers = [seq for seq, _, _ in log_of(instance_id)]
    return numbers == list(range(1, Instance.objects.get(id=instance_id).last_seq + 1))


@contextmanager
def held_row(instance_id: UUID) -> Iterator[threading.Event]:
    """Have another connection hold the instance's row until the event that this gives is set, or the block ends."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Instance.objects.select_for_update(no_key=True).get(id=instance_id)
            held.set()
            release.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(30)
        yield release
    finally:
        release.set()
        holder.join()
