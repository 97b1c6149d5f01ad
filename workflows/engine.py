"""Start and cancel instances: with the pump's appends the only writers of status."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import DatabaseError, IntegrityError, transaction

from workflows import copying, eventlog, faults, fence, ready, rows
from workflows.fence import Append, Change, Failure, Fence, NewEvent
from workflows.rows import Draft
from workflows.states import EventType, Status
from workflows.trigger import Trigger

START_ATTEMPTS = 3
UNIQUE_VIOLATION = "23505"

NOW = "SELECT statement_timestamp()"

FIND_OWNER = """
SELECT id FROM workflows_instance WHERE id = %s
UNION ALL
SELECT id FROM workflows_instance
WHERE env_id = %s AND definition = %s AND idempotency_key = %s AND superseded_by IS NULL
LIMIT 1"""

FIND_OWNERS = """
SELECT wanted.id, coalesce(same.id, owner.id)
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[]) AS wanted (id, env_id, definition, key)
LEFT JOIN workflows_instance same ON same.id = wanted.id
LEFT JOIN workflows_instance owner ON owner.env_id = wanted.env_id AND owner.definition = wanted.definition
    AND owner.idempotency_key = wanted.key AND owner.superseded_by IS NULL"""


class StartContended(Exception):
    """Something takes this id or key and is gone again each time we look; start it again later."""

    code = "start_contended"


class Taken(Exception):
    """An id or a key of the batch is taken; the transaction is lost, and `start_many` can tell which."""

    code = "taken"


@dataclass(frozen=True, slots=True)
class Started:
    """The row is written."""

    id: UUID


@dataclass(frozen=True, slots=True)
class ExistingInstance:
    """Nothing is written: the row `id` is there, under the same id or, `by_key`, under the same idempotency key."""

    id: UUID
    by_key: bool


Start = Started | ExistingInstance


def start(trigger: Trigger) -> Start:
    """Write one pending instance and its first event, in one statement; idempotent on the trigger's id and key."""
    for _ in range(START_ATTEMPTS):
        if _write([Draft(trigger)]):
            ready.notify({trigger.shard})
            return Started(trigger.id)
        key = (trigger.id, trigger.env_id, trigger.definition, trigger.idempotency_key)
        if owners := eventlog.execute(FIND_OWNER, key):
            return ExistingInstance(owners[0][0], by_key=owners[0][0] != trigger.id)
    raise StartContended


def start_many(drafts: Sequence[Draft]) -> list[Start]:
    """Write a batch in one transaction (the caller's, where there is one) and answer in its order.

    Raises:
        StartContended: a row that was in the way of one of them is gone again; nothing of the batch is kept.
    """
    if not drafts:
        return []
    with transaction.atomic(savepoint=False):
        made = _write(drafts)
        owners = _find_owners([draft.trigger for draft in drafts if draft.trigger.id not in made])
    ready.notify({draft.trigger.shard for draft in drafts if draft.ending is None and draft.trigger.id in made})
    return [
        Started(id_) if (id_ := draft.trigger.id) in made else ExistingInstance(owners[id_], by_key=owners[id_] != id_)
        for draft in drafts
    ]


def start_unseen(drafts: Sequence[Draft]) -> list[Start]:
    """Write a batch of plain drafts that most likely nobody wrote before, inside the caller's transaction.

    Raises:
        Taken: somebody did.
    """
    now: datetime = eventlog.execute(NOW, ())[0][0]
    try:
        copying.copy([rows.build(draft) for draft in drafts], now)
    except IntegrityError as error:
        if faults.sqlstate_of(error) == UNIQUE_VIOLATION:
            raise Taken from error
        raise
    ready.notify({draft.trigger.shard for draft in drafts})
    return [Started(draft.trigger.id) for draft in drafts]


def _write(drafts: Sequence[Draft]) -> set[UUID]:
    return {row[0] for row in eventlog.execute(rows.WRITE, {"rows": rows.encode(drafts)})}


def _find_owners(missing: Collection[Trigger]) -> dict[UUID, UUID]:
    if not missing:
        return {}
    columns = zip(*((each.id, each.env_id, each.definition, each.idempotency_key) for each in missing), strict=True)
    found: list[tuple[UUID, UUID | None]] = eventlog.execute(FIND_OWNERS, [list(column) for column in columns])
    owners = {id_: owner for id_, owner in found if owner is not None}
    if len(owners) < len({each.id for each in missing}):
        raise StartContended
    return owners


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The log ends here."""

    seq: int


@dataclass(frozen=True, slots=True)
class AlreadyFinished:
    """It had ended before, with this status."""

    status: Status


@dataclass(frozen=True, slots=True)
class NotFound:
    """There is no such row."""


@dataclass(frozen=True, slots=True)
class FenceConflict:
    """The caller decided at a tail that is no longer the log's."""

    expected: int
    current: int


Cancel = Cancelled | AlreadyFinished | NotFound | FenceConflict


def cancel(instance_id: UUID, reason: str, *, actor: str, expected_seq: int | None = None) -> Cancel:
    """End an instance from outside, with its reason; a step that runs goes on, its outcome is refused.

    Raises:
        DatabaseError: the database refuses what the event holds.
    """
    data = msgspec.json.encode({"reason": reason, "actor": actor}).decode()
    outcome = eventlog.append(
        Append(
            instance_id,
            (NewEvent(EventType.CANCELLED, fence.END, data),),
            Fence(tail=expected_seq),
            Change(Status.CANCELLED, failure=Failure("cancelled", reason)),
        )
    )
    match outcome:
        case fence.Appended(base):
            ready.tell(instance_id)
            return Cancelled(base + 1)
        case fence.AlreadyFinished(status):
            return AlreadyFinished(status)
        case fence.Conflict(tail):
            return FenceConflict(expected_seq or 0, tail)
        case fence.Faulty(error):
            raise DatabaseError(error)
        case fence.Missing() | fence.Busy() | fence.LostOwnership() | fence.LogFull():
            return NotFound()
