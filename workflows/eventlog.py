"""The only writer of events.

Sequence numbers are dense per instance and given under the row's lock, so commit order is sequence order. One
statement checks the fences, advances the row and inserts; a refused append allocates nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import psycopg
from django.db import DatabaseError, InterfaceError, connection

from workflows import conf, faults, statements
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
from workflows.states import EventType, Status

Lock = Literal["", "SKIP LOCKED"]
# Events that are seen outside of their log at once.
OUTWARD = frozenset({EventType.HOOK_CREATED, EventType.HOOK_DISPOSED, EventType.EMITTED})

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
    return _bisect(requests, "SKIP LOCKED", Busy()) if requests else []


def append(request: Append) -> Outcome:
    """Append to one instance, waiting for its lock; never Busy."""
    return _bisect([request], "", Missing())[0]


def _bisect(requests: Sequence[Append], lock: Lock, absent: Outcome) -> list[Outcome]:
    try:
        return _write(requests, lock, absent)
    except (DatabaseError, InterfaceError, ValueError) as error:
        if faults.is_away(error):
            raise
        if len(requests) == 1:
            return [Faulty(str(error))]
    middle = len(requests) // 2
    return _bisect(requests[:middle], lock, absent) + _bisect(requests[middle:], lock, absent)


def _write(requests: Sequence[Append], lock: Lock, absent: Outcome) -> list[Outcome]:
    outcomes = [absent] * len(requests)
    plain = not any(request.wakes or any(event.type in OUTWARD for event in request.events) for request in requests)
    for position, *rest in execute(statements.append(lock, plain=plain), _parameters(requests)):
        outcomes[position - 1] = _outcome(*rest)
    return outcomes


def _outcome(outcome: str, last_seq: int, owner: int, status: str, at: datetime, clashes: str | None) -> Outcome:
    match outcome:
        case "appended":
            return Appended(last_seq, at, tuple(clashes.split(SEPARATOR)) if clashes else ())
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
        "wakes": _joined(["t" if request.wakes else "f" for request in requests]),
        "max_events": limits.max_events,
        "max_bytes": limits.max_log_bytes,
    }


def _joined(values: Sequence[str]) -> str:
    """Join the values of one parameter.

    Raises:
        ValueError: one of them holds the separator, and would come out as values of others.
    """
    text = SEPARATOR.join(values)
    if text.count(SEPARATOR) >= max(len(values), 1):
        raise ValueError("a value holds the separator of values, U+001F")
    return text


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
