"""The one builder of instance rows and their first events: a drained instance can't differ from a direct one.

Python makes one `Row` of each draft; `WRITE` is the statement that makes rows and events of any number of them.
They travel as one JSON parameter: measured, that is as fast as copying them to the tables, with one plan to keep.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from workflows.fence import END
from workflows.states import EventType, Status
from workflows.trigger import Trigger


@dataclass(frozen=True, slots=True)
class Ending:
    """How an instance is born finished: cancelled while buffered, a system failure, or superseded by another."""

    status: Status
    code: str
    message: str
    superseded_by: UUID | None = None


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An instance to be written; without an ending it is pending and ready, or paused."""

    trigger: Trigger
    ending: Ending | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is pending, with nothing but its first event."""
        return self.ending is None and not self.trigger.paused


class Row(msgspec.Struct, gc=False):
    """What Python knows of an instance and its events; moments of writing are the database's.

    JSON text (metadata, created, ending_data) is sent as text, so that it is stored as it was sent.
    """

    id: UUID
    org_id: UUID
    env_id: UUID
    definition: str
    version: int
    shard: int
    source: str
    tags: tuple[str, ...]
    metadata: str
    idempotency_key: str | None
    root_id: UUID
    parent_id: UUID | None
    depth: int
    accepted_at: datetime
    run_after: datetime | None
    created: str
    log_bytes: int
    metadata_version: int = 0
    status: str = Status.PENDING.value
    error_code: str | None = None
    error_message: str | None = None
    superseded_by: UUID | None = None
    ending: str | None = None
    ending_data: str | None = None
    event_type: str | None = None
    event_key: str | None = None
    cause: UUID | None = None
    chain: tuple[str, ...] | None = None


# The columns of `Row` as the database reads them.
COLUMNS = """id uuid, org_id uuid, env_id uuid, definition text, version int, shard smallint, source text,
    tags text[], metadata text, idempotency_key text, root_id uuid, parent_id uuid, depth smallint,
    accepted_at timestamptz, run_after timestamptz, created text, log_bytes int, metadata_version int,
    status text, error_code text, error_message text, superseded_by uuid, ending text, ending_data text,
    event_type text, event_key text, cause uuid, chain text[]"""

# Rows go in by one order (env, definition, key, id), so two batches can't wait for each other's in a ring. A row whose
# id or key is taken is left out, and its events with it; the answer names the others.
WRITE = f"""
WITH input AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS i ({COLUMNS})
), made AS (
    INSERT INTO workflows_instance (
        id, org_id, env_id, definition, version, status, source, shard, tags, metadata, metadata_version,
        idempotency_key, root_id, parent_id, depth, superseded_by, accepted_at, run_after, created_at, finished_at,
        error_code, error_message, wake_at, epoch, takeovers, last_seq, last_event_at, log_bytes,
        event_type, event_key, cause, chain)
    SELECT id, org_id, env_id, definition, version, status, source, shard, tags, metadata::json, metadata_version,
        idempotency_key, root_id, parent_id, depth, superseded_by, accepted_at, run_after, statement_timestamp(),
        CASE WHEN status NOT IN ('pending', 'paused') THEN statement_timestamp() END,
        error_code, error_message,
        CASE WHEN status = 'pending' THEN greatest(run_after, statement_timestamp()) END,
        0, 0, CASE WHEN ending IS NULL THEN 1 ELSE 2 END, statement_timestamp(), log_bytes,
        event_type, event_key, cause, chain
    FROM input ORDER BY env_id, definition COLLATE "C", coalesce(idempotency_key, '') COLLATE "C", id
    ON CONFLICT DO NOTHING RETURNING id
), logged AS (
    INSERT INTO workflows_event (instance_id, seq, type, correlation_id, data, at)
    SELECT id, 1, 'created', '', created::json, statement_timestamp() FROM input JOIN made USING (id)
    UNION ALL
    SELECT id, 2, ending, CASE WHEN ending = 'paused' THEN '' ELSE '{END}' END, ending_data::json,
        statement_timestamp()
    FROM input JOIN made USING (id) WHERE ending IS NOT NULL
), told AS (
    INSERT INTO workflows_outbox (instance_id, org_id, env_id, type, key, payload, created_at)
    SELECT id, org_id, env_id, 'workflow.instance_terminal', id || ':{END}',
        json_build_object('instance_id', id, 'definition', definition, 'status', status), statement_timestamp()
    FROM input JOIN made USING (id) WHERE ending IS NOT NULL AND ending <> 'paused'
)
SELECT id FROM made"""  # noqa: S608

# What the log says of an ending; a superseded instance never ran, its log stays at `created`.
ENDING_EVENTS = {Status.CANCELLED: EventType.CANCELLED, Status.SYSTEM_FAILURE: EventType.FAILED}

NOTHING = "{}"
_encode = msgspec.json.Encoder().encode


def encode(drafts: Sequence[Draft]) -> str:
    """Return the parameter of `WRITE`.

    Raises:
        UnicodeError: a payload, or another text, is not UTF-8.
    """
    return _encode([build(draft) for draft in drafts]).decode()


def build(draft: Draft) -> Row:
    """Make the row of one draft."""
    trigger = draft.trigger
    row = Row(
        id=trigger.id,
        org_id=trigger.org_id,
        env_id=trigger.env_id,
        definition=trigger.definition,
        version=trigger.version,
        shard=trigger.shard,
        source=trigger.source,
        tags=trigger.tags,
        metadata=trigger.metadata.decode(),
        idempotency_key=trigger.idempotency_key,
        root_id=trigger.root_id,
        parent_id=trigger.parent_id,
        depth=trigger.depth,
        accepted_at=trigger.accepted_at,
        run_after=trigger.run_after,
        created=f'{{"payload":{trigger.payload.decode()}}}',
        log_bytes=len(trigger.payload) + len('{"payload":}'),
        metadata_version=trigger.metadata_version,
        event_type=trigger.event_type,
        event_key=trigger.event_key,
        cause=trigger.cause,
        chain=trigger.chain or None,
    )
    if draft.ending is not None:
        _end(row, draft.ending)
    elif trigger.paused:
        row.status, row.ending, row.ending_data = Status.PAUSED.value, EventType.PAUSED.value, NOTHING
        row.log_bytes += len(NOTHING)
    return row


def _end(row: Row, ending: Ending) -> None:
    row.status, row.error_code, row.error_message = ending.status.value, ending.code, ending.message
    row.superseded_by = ending.superseded_by
    event = ENDING_EVENTS.get(ending.status)
    if event is not None:
        data = _ending_data(ending)
        row.ending, row.ending_data = event.value, data.decode()
        row.log_bytes += len(data)


def _ending_data(ending: Ending) -> bytes:
    if ending.status is Status.CANCELLED:
        return _encode({"reason": ending.message})
    return _encode({"error": {"code": ending.code, "message": ending.message}})
