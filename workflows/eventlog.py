"""The only writer of events.

Sequence numbers are dense per instance and given under the row's lock, so commit order is sequence order. One
statement checks the fences, advances the row and inserts; a refused append allocates nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from workflows import conf
from workflows.fence import (
    SEPARATOR,
    AlreadyFinished,
    Append,
    Appended,
    Busy,
    Conflict,
    Faulty,
    LogFull,
    LostOwnership,
    Missing,
    Outcome,
    StoredEvent,
)
from workflows.states import Status

# Arrays travel as joined text: one parameter each, and no per-item work in the driver.
APPEND = r"""
WITH input AS MATERIALIZED (
    SELECT * FROM unnest(
        string_to_array(%(id)s, E'\x1f')::uuid[],
        string_to_array(%(tail)s, E'\x1f', '')::int[],
        string_to_array(%(epoch)s, E'\x1f', '')::bigint[],
        string_to_array(%(size)s, E'\x1f')::int[],
        string_to_array(%(bytes)s, E'\x1f')::int[],
        string_to_array(%(status)s, E'\x1f', ''),
        string_to_array(%(finishes)s, E'\x1f')::boolean[],
        string_to_array(%(wake_at)s, E'\x1f', '')::timestamptz[],
        string_to_array(%(own)s, E'\x1f', '')::bigint[],
        string_to_array(%(error_code)s, E'\x1f', ''),
        string_to_array(%(error_message)s, E'\x1f', '')
    ) WITH ORDINALITY AS i (
        id, tail, epoch, size, bytes, status, finishes, wake_at, own, error_code, error_message, position
    )
), locked AS MATERIALIZED (
    SELECT id, last_seq, epoch, status, finished_at, last_event_at, log_bytes, org_id, env_id, definition
    FROM workflows_instance WHERE id = ANY (string_to_array(%(id)s, E'\x1f')::uuid[])
    ORDER BY id FOR NO KEY UPDATE {lock}
), judged AS MATERIALIZED (
    SELECT i.*, l.last_seq, l.epoch AS owner, l.status AS old_status, l.org_id, l.env_id, l.definition,
        greatest(clock_timestamp(), l.last_event_at) AS at,
        CASE
            WHEN l.finished_at IS NOT NULL THEN 'finished'
            WHEN i.epoch <> l.epoch THEN 'lost_ownership'
            WHEN i.tail <> l.last_seq THEN 'conflict'
            -- A pump may end a paused instance, but neither put it to sleep nor wake it.
            WHEN l.status = 'paused' AND i.epoch IS NOT NULL AND NOT i.finishes AND i.status IS NOT NULL THEN 'conflict'
            WHEN NOT i.finishes AND (l.last_seq + i.size > %(max_events)s OR l.log_bytes + i.bytes > %(max_bytes)s)
                THEN 'log_full'
            ELSE 'appended'
        END AS outcome
    FROM locked l JOIN input i ON i.id = l.id
), advanced AS (
    UPDATE workflows_instance w SET
        last_seq = j.last_seq + j.size,
        last_event_at = j.at,
        log_bytes = w.log_bytes + j.bytes,
        takeovers = CASE WHEN j.size > 0 AND j.epoch IS NOT NULL THEN 0 ELSE w.takeovers END,
        status = coalesce(j.status, w.status),
        wake_at = CASE WHEN j.status IS NULL THEN w.wake_at ELSE j.wake_at END,
        epoch = coalesce(j.own, w.epoch),
        error_code = coalesce(j.error_code, w.error_code),
        error_message = coalesce(j.error_message, w.error_message),
        finished_at = CASE WHEN j.finishes THEN j.at END
    FROM judged j WHERE w.id = j.id AND j.outcome = 'appended'
), inserted AS (
    INSERT INTO workflows_event (instance_id, seq, type, correlation_id, data, at)
    SELECT j.id, j.last_seq + e.ordinal, e.type, coalesce(e.correlation_id, ''), e.data::json, j.at
    FROM unnest(
        string_to_array(%(of)s, E'\x1f')::int[],
        string_to_array(%(ordinal)s, E'\x1f')::int[],
        string_to_array(%(type)s, E'\x1f'),
        string_to_array(%(correlation_id)s, E'\x1f', ''),
        string_to_array(%(data)s, E'\x1f')
    ) AS e (position, ordinal, type, correlation_id, data)
    JOIN judged j ON j.position = e.position WHERE j.outcome = 'appended'
), told AS (
    INSERT INTO workflows_outbox (instance_id, org_id, env_id, type, key, payload, created_at)
    SELECT j.id, j.org_id, j.env_id, 'workflow.instance_terminal', j.id || ':end',
        json_build_object('instance_id', j.id, 'definition', j.definition, 'status', j.status), j.at
    FROM judged j WHERE j.outcome = 'appended' AND j.finishes
)
SELECT position, outcome, last_seq, owner, old_status, at FROM judged"""
TOGETHER = APPEND.replace("{lock}", "SKIP LOCKED")
ALONE = APPEND.replace("{lock}", "")

READ = """
SELECT instance_id, seq, type, correlation_id, data::text, at FROM workflows_event
WHERE instance_id = %s AND seq > %s ORDER BY seq LIMIT %s"""
TAIL_BEFORE = """
SELECT seq FROM workflows_event WHERE instance_id = %s AND at < %s ORDER BY seq DESC LIMIT 1"""
READ_MANY = """
SELECT e.instance_id, e.seq, e.type, e.correlation_id, e.data::text, e.at
FROM unnest(%s::uuid[], %s::int[]) AS wanted (id, after)
JOIN workflows_event e ON e.instance_id = wanted.id AND e.seq > wanted.after ORDER BY e.instance_id, e.seq"""


def append_group(requests: Sequence[Append]) -> list[Outcome]:
    """Append to many instances in one transaction; refusing one refuses no other. Answers in the order given.

    A group that the database refuses for its data is bisected, so that only the one at fault is Faulty.

    Raises:
        ValueError: an instance appears twice.
        OperationalError, InterfaceError: the database is away; whether the group was written is not known.
    """
    if len({request.instance_id for request in requests}) != len(requests):
        raise ValueError("an instance can appear once in a group; join its events")
    return _bisect(requests, TOGETHER, Busy()) if requests else []


def append(request: Append) -> Outcome:
    """Append to one instance, waiting for its lock; never Busy."""
    return _bisect([request], ALONE, Missing())[0]


def _bisect(requests: Sequence[Append], statement: str, absent: Outcome) -> list[Outcome]:
    try:
        return _write(requests, statement, absent)
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError as error:
        if len(requests) == 1:
            return [Faulty(str(error))]
    middle = len(requests) // 2
    return _bisect(requests[:middle], statement, absent) + _bisect(requests[middle:], statement, absent)


def _write(requests: Sequence[Append], statement: str, absent: Outcome) -> list[Outcome]:
    outcomes = [absent] * len(requests)
    for position, outcome, last_seq, owner, status, at in execute(statement, _parameters(requests)):
        outcomes[position - 1] = _outcome(outcome, last_seq, owner, status, at)
    return outcomes


def _outcome(outcome: str, last_seq: int, owner: int, status: str, at: datetime) -> Outcome:
    match outcome:
        case "appended":
            return Appended(last_seq, at)
        case "conflict":
            return Conflict(last_seq)
        case "lost_ownership":
            return LostOwnership(owner)
        case "finished":
            return AlreadyFinished(Status(status))
        case _:
            return LogFull()


def _parameters(requests: Sequence[Append]) -> dict[str, Any]:
    limits = conf.current()
    changes = [request.change for request in requests]
    failures = [change.failure.shown() if change and change.failure else None for change in changes]
    events = [
        (position, ordinal, event)
        for position, request in enumerate(requests, 1)
        for ordinal, event in enumerate(request.events, 1)
    ]
    return {
        "id": _joined([request.instance_id.hex for request in requests]),
        "tail": _joined([_shown(request.fence.tail) for request in requests]),
        "epoch": _joined([_shown(request.fence.epoch) for request in requests]),
        "size": _joined([str(len(request.events)) for request in requests]),
        "bytes": _joined([str(sum(event.size for event in request.events)) for request in requests]),
        "status": _joined([change.status.value if change else "" for change in changes]),
        "finishes": _joined(["t" if change and change.finishes else "f" for change in changes]),
        "wake_at": _joined([change.wake_at.isoformat() if change and change.wake_at else "" for change in changes]),
        "own": _joined([_shown(change.epoch) if change else "" for change in changes]),
        "error_code": _joined([failure.code if failure else "" for failure in failures]),
        "error_message": _joined([failure.message if failure else "" for failure in failures]),
        "of": _joined([str(position) for position, _, _ in events]),
        "ordinal": _joined([str(ordinal) for _, ordinal, _ in events]),
        "type": _joined([event.type.value for _, _, event in events]),
        "correlation_id": _joined([event.correlation_id for _, _, event in events]),
        "data": _joined([event.data for _, _, event in events]),
        "max_events": limits.max_events,
        "max_bytes": limits.max_log_bytes,
    }


_joined = SEPARATOR.join


def _shown(number: int | None) -> str:
    return "" if number is None else str(number)


def read(instance_id: UUID, after: int = 0, limit: int | None = None) -> list[StoredEvent]:
    """Return the events of one log after a sequence number, in order."""
    return [StoredEvent(*row[1:]) for row in execute(READ, (instance_id, after, limit))]


def tail_before(instance_id: UUID, moment: datetime) -> int:
    """Return the number of the last event strictly before a moment; 0 when there is none."""
    found = execute(TAIL_BEFORE, (instance_id, moment))
    return int(found[0][0]) if found else 0


def read_many(after: Mapping[UUID, int]) -> dict[UUID, list[StoredEvent]]:
    """Return the events of several logs, each after its own sequence number, in order."""
    logs: dict[UUID, list[StoredEvent]] = {instance_id: [] for instance_id in after}
    for instance_id, *rest in execute(READ_MANY, (list(after), list(after.values()))):
        logs[instance_id].append(StoredEvent(*rest))
    return logs


def execute(statement: str, parameters: Mapping[str, Any] | Collection[Any]) -> list[Any]:
    """Run one prepared statement on Django's own connection; its errors come as Django's."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, parameters, prepare=True)  # type: ignore[arg-type]
        # It answers: spare the ping that Django would send before the next cursor of this request.
        connection.health_check_done = True  # type: ignore[attr-defined]
        return cursor.fetchall()
