"""Steer a row from outside: its attributes, when it starts, pause and resume. Beside the engine, a writer of status.

Each verb locks the row, decides, and appends what it did as an event of its log, in one transaction. A caller may
fence it with the log's tail that the decision was made at; a finished instance refuses every verb. A verb that
would change nothing appends nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import DatabaseError, transaction

from workflows import attributes, conf, eventlog, fence, ready
from workflows.attributes import Attributes, ChangeMetadata, ChangeTags, LimitExceeded
from workflows.engine import AlreadyFinished, FenceConflict, NotFound
from workflows.fence import Append, Change, Fence, NewEvent
from workflows.states import FINISHED, EventType, Status
from workflows.trigger import Trigger

LOCK = """
SELECT status, shard, last_seq, started_at, run_after, tags, metadata::text, metadata_version, clock_timestamp()
FROM workflows_instance WHERE id = %s FOR NO KEY UPDATE"""

SET_ATTRIBUTES = """
UPDATE workflows_instance SET tags = %s, metadata = %s::json, metadata_version = %s WHERE id = %s RETURNING 1"""

SET_RUN_AFTER = "UPDATE workflows_instance SET run_after = %s WHERE id = %s RETURNING 1"

# What was changed in the buffer belongs to what the instance was made with, finished or not. A row whose log tells of
# a change has been the only place for changes since.
AMEND = """
UPDATE workflows_instance w SET tags = %(tags)s, metadata = %(metadata)s::json, metadata_version = %(version)s
WHERE id = %(id)s AND NOT EXISTS (
    SELECT FROM workflows_event e WHERE e.instance_id = w.id AND e.type = 'attribute_set')
RETURNING 1"""


CLEAR_KEY = """
UPDATE workflows_instance SET idempotency_key = NULL
WHERE env_id = %s AND definition = %s AND idempotency_key = %s AND superseded_by IS NULL RETURNING id"""


@dataclass(frozen=True, slots=True)
class Changed:
    """It is as the caller wants it; `seq` is the log's tail."""

    seq: int


@dataclass(frozen=True, slots=True)
class AlreadyStarted:
    """It has started, so it can't be told when to."""


Steer = Changed | AlreadyStarted | AlreadyFinished | NotFound | FenceConflict | attributes.Refusal


@dataclass(frozen=True, slots=True)
class _Row:
    """A locked row that the caller's fence allows to be changed. `now` is the database's time."""

    id: UUID
    status: Status
    shard: int
    seq: int
    started_at: datetime | None
    run_after: datetime | None
    attributes: Attributes
    now: datetime


@transaction.atomic
def change_attributes(
    instance_id: UUID, change: attributes.Change, *, actor: str, expected_seq: int | None = None
) -> Steer:
    """Change tags or metadata; the event holds the change, the row what became of it."""
    row = _lock(instance_id, expected_seq)
    if not isinstance(row, _Row):
        return row
    merged = attributes.merge(row.attributes, change)
    if not isinstance(merged, Attributes):
        return merged
    if merged == row.attributes:
        return Changed(row.seq)
    outcome = _append(row, EventType.ATTRIBUTE_SET, _told(change) | {"actor": actor})
    if isinstance(outcome, Changed):
        values = (list(merged.tags), merged.metadata.decode(), merged.version, instance_id)
        eventlog.execute(SET_ATTRIBUTES, values)
    return outcome


@transaction.atomic
def reschedule(instance_id: UUID, run_after: datetime, *, actor: str, expected_seq: int | None = None) -> Steer:
    """Say when an instance that has not started may; a paused one stays paused."""
    row = _lock(instance_id, expected_seq)
    if not isinstance(row, _Row):
        return row
    if row.started_at is not None:
        return AlreadyStarted()
    if row.run_after == run_after:
        return Changed(row.seq)
    wake = None if row.status is Status.PAUSED else Change(Status.PENDING, wake_at=run_after)
    outcome = _append(row, EventType.ATTRIBUTE_SET, {"run_after": run_after, "actor": actor}, wake)
    if isinstance(outcome, Changed):
        eventlog.execute(SET_RUN_AFTER, (run_after, instance_id))
        ready.notify({row.shard})
    return outcome


@transaction.atomic
def pause(instance_id: UUID, *, actor: str, expected_seq: int | None = None) -> Steer:
    """Keep an instance from going on until it is resumed.

    One that runs ends the steps it is in; their outcomes are recorded, and its pump begins nothing more.
    """
    row = _lock(instance_id, expected_seq)
    if not isinstance(row, _Row):
        return row
    if row.status is Status.PAUSED:
        return Changed(row.seq)
    return _append(row, EventType.PAUSED, {"actor": actor}, Change(Status.PAUSED))


@transaction.atomic
def resume(instance_id: UUID, *, actor: str, expected_seq: int | None = None) -> Steer:
    """Let a paused instance go on: at its time if it has not started, else at once, with the waits that came due."""
    row = _lock(instance_id, expected_seq)
    if not isinstance(row, _Row):
        return row
    if row.status is not Status.PAUSED:
        return Changed(row.seq)
    if row.started_at is None:
        change = Change(Status.PENDING, wake_at=max(row.run_after or row.now, row.now))
    else:
        change = Change(Status.WAITING, wake_at=row.now)
    ready.notify({row.shard})
    return _append(row, EventType.RESUMED, {"actor": actor}, change)


def amend(trigger: Trigger, *, actor: str) -> None:
    """Make a row what its trigger became in the buffer after the row was written; idempotent.

    A start that has happened can't be put off any more.
    """
    values = {
        "id": trigger.id,
        "tags": list(trigger.tags),
        "metadata": trigger.metadata.decode(),
        "version": trigger.metadata_version,
    }
    eventlog.execute(AMEND, values)
    if trigger.run_after is not None:
        reschedule(trigger.id, trigger.run_after, actor=actor)
    (pause if trigger.paused else resume)(trigger.id, actor=actor)


def clear_key(env_id: UUID, definition: str, key: str) -> UUID | None:
    """Take an idempotency key from the instance that owns it, finished or not, and say which that was."""
    found = eventlog.execute(CLEAR_KEY, (env_id, definition, key))
    return found[0][0] if found else None


def _lock(instance_id: UUID, expected_seq: int | None) -> _Row | AlreadyFinished | NotFound | FenceConflict:
    found: Sequence[Any] = eventlog.execute(LOCK, (instance_id,))
    if not found:
        return NotFound()
    status, shard, seq, started_at, run_after, tags, metadata, version, now = found[0]
    if status in FINISHED:
        return AlreadyFinished(Status(status))
    if expected_seq not in (None, seq):
        return FenceConflict(expected_seq or 0, seq)
    held = Attributes(tuple(tags), metadata.encode(), version)
    return _Row(instance_id, Status(status), shard, seq, started_at, run_after, held, now)


def _append(row: _Row, type_: EventType, data: dict[str, Any], change: Change | None = None) -> Steer:
    event = NewEvent(type_, data=msgspec.json.encode(data).decode())
    match eventlog.append(Append(row.id, (event,), Fence(tail=row.seq), change)):
        case fence.Appended(base):
            return Changed(base + 1)
        case fence.LogFull():
            return LimitExceeded("events", conf.current().max_events)
        case fence.Faulty(error):
            raise DatabaseError(error)
        case outcome:
            raise AssertionError(f"the row is locked, and yet its log answers {outcome}")


def _told(change: attributes.Change) -> dict[str, Any]:
    match change:
        case ChangeTags(add, remove):
            return {"tags": {"add": add, "remove": remove}}
        case ChangeMetadata(operations):
            return {"metadata": operations}
