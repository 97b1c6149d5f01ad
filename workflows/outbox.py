"""What instances have told the outside: taken in batches, handed on by others, settled when that is done."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec
from django.db import transaction

from workflows import conf, eventlog, ready, turns
from workflows.fence import Append, Failure, LogFull, NewEvent
from workflows.states import Status

TERMINAL = "workflow.instance_terminal"
FULL = "the log has no room for how its children ended"

# What interests nobody is settled by taking it; the rest is ours for as long as the lease.
TAKE = """
WITH oldest AS MATERIALIZED (
    SELECT id, parent_id IS NULL AND NOT (env_id = ANY (%(bound)s::uuid[]))
        AND CASE WHEN type = %(terminal)s THEN payload->>'status' <> 'cancelled' ELSE FALSE END AS idle
    FROM workflows_outbox WHERE available_at <= clock_timestamp() ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), settled AS (
    DELETE FROM workflows_outbox o USING oldest WHERE o.id = oldest.id AND idle RETURNING 1
), taken AS (
    UPDATE workflows_outbox o SET available_at = clock_timestamp() + %(lease)s * interval '1 second'
    FROM oldest WHERE o.id = oldest.id AND NOT idle
    RETURNING o.id, o.instance_id, o.org_id, o.env_id, o.type, o.key, o.payload::text, o.parent_id
)
SELECT NULL::bigint, NULL::uuid, NULL::uuid, NULL::uuid, NULL, NULL, count(*)::text, NULL::uuid FROM settled
UNION ALL SELECT * FROM taken"""

SETTLE = "DELETE FROM workflows_outbox WHERE id = ANY (%s::bigint[]) RETURNING id"
PUT_OFF = """
UPDATE workflows_outbox SET available_at = clock_timestamp() + %s * interval '1 second'
WHERE id = ANY (%s::bigint[]) RETURNING id"""

# How each child ended, under the name that its parent's log has for it. The operators that take JSON apart refuse a
# text with a NUL, so the results are taken apart here.
ENDS = """
SELECT told.correlation_id, child.id, child.status, child.error_code, child.error_message, last.data::text
FROM workflows_event told
JOIN workflows_instance child ON child.id = (told.data->>'instance_id')::uuid AND child.id = ANY (%(children)s::uuid[])
LEFT JOIN workflows_event last
    ON last.instance_id = child.id AND last.seq = child.last_seq AND last.type = 'completed'
WHERE told.instance_id = %(parent)s AND told.type = 'child_started' AND child.finished_at IS NOT NULL
ORDER BY told.seq"""

SHARD = "SELECT shard FROM workflows_instance WHERE id = %s"

CHILDREN = """
SELECT id FROM workflows_instance
WHERE parent_id = %s AND source = 'child' AND finished_at IS NULL ORDER BY id"""


@dataclass(frozen=True, slots=True)
class Told:
    """One row. `payload` is JSON text; `parent_id` is who waits for the end of this instance."""

    id: int
    instance_id: UUID
    org_id: UUID
    env_id: UUID
    type: str
    key: str
    payload: str
    parent_id: UUID | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A batch: how many rows were settled by taking them, and those that are to be handed on."""

    settled: int
    rows: Sequence[Told]


def take(limit: int, bound: Collection[UUID]) -> Taken:
    """Take up to `limit` rows, oldest first. Several callers at once share the work.

    The ends of instances interest nobody but their families and the environments that are bound to such events.
    """
    values = {
        "terminal": TERMINAL,
        "bound": list(bound),
        "limit": limit,
        "lease": conf.current().outbox_lease_seconds,
    }
    count, *rows = eventlog.execute(TAKE, values)
    return Taken(int(count[6]), sorted((Told(*row) for row in rows), key=lambda told: told.id))


def settle(rows: Collection[Told]) -> None:
    """Forget rows that were handed on."""
    if rows:
        eventlog.execute(SETTLE, ([row.id for row in rows],))


def put_off(rows: Collection[Told]) -> None:
    """Leave rows for a later time, since they can't be handed on now."""
    if rows:
        eventlog.execute(PUT_OFF, (conf.current().outbox_retry_seconds, [row.id for row in rows]))


def tell_parent(parent_id: UUID, rows: Collection[Told]) -> None:
    """Write to a parent's log how these children ended, and settle their rows, both or neither.

    A parent whose log can't hold that would wait for ever; it ends.
    """
    with transaction.atomic():
        if not eventlog.execute(SETTLE, ([row.id for row in rows],)):
            return
        ends = eventlog.execute(ENDS, {"parent": parent_id, "children": [row.instance_id for row in rows]})
        if not ends:
            return
        events = tuple(_child_finished(*end) for end in ends)
        if isinstance(eventlog.append(Append(parent_id, events, wakes=True)), LogFull):
            eventlog.append(turns.overflow(parent_id, FULL))
        ready.notify({shard for (shard,) in eventlog.execute(SHARD, (parent_id,))})


def _child_finished(
    correlation_id: str, child_id: UUID, status: str, code: str | None, message: str | None, completed: str | None
) -> NewEvent:
    outcome = _output(completed) if completed is not None else Failure(code or "error", message or "")
    return turns.child_finished(correlation_id, child_id, Status(status), outcome)


def _output(completed: str) -> str:
    return bytes(msgspec.json.decode(completed, type=dict[str, msgspec.Raw])["output"]).decode()


def unfinished_children(parent_id: UUID) -> list[UUID]:
    """Return the children of an instance that have not ended."""
    return [row[0] for row in eventlog.execute(CHILDREN, (parent_id,))]


def by_parent(rows: Sequence[Told]) -> Mapping[UUID, list[Told]]:
    """Group the ends of children by who waits for them."""
    families: dict[UUID, list[Told]] = {}
    for row in rows:
        if row.parent_id is not None and row.type == TERMINAL:
            families.setdefault(row.parent_id, []).append(row)
    return families
