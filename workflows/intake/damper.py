"""The damper: how many instances of a definition may be live that events of one type started.

It is exact for any number of submitters, since the count and what it allows happen under one lock of the group, and
both stores are counted: what is buffered first, then rows, so that what is drained meanwhile is in one of them.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import structlog
from django.db import transaction

from mollifier import buffer
from mollifier.decision import Room, Scope
from mollifier.errors import MollifierError
from workflows import conf, eventlog, storms
from workflows.intake.outcome import Throttled
from workflows.intake.preflight import Ready
from workflows.storms import Group, OpenStorm
from workflows.trigger import Origin

log = structlog.get_logger(__name__)

SUBMITTER, SWEEP = "submitter", "sweep"
LOCK_TIMEOUT = "5s"
# What one pass of the sweep looks at, and deletes.
SWEEP_STORMS, SWEEP_KEPT = 500, 5_000

SET_TIMEOUT = "SELECT set_config('lock_timeout', %s, true)"
LOCK = "SELECT pg_advisory_xact_lock(%s)"
# The words of the partial index. An order with a limit, else a generic plan counts by scanning the table.
LIVE = """
    FROM workflows_instance i
    WHERE i.org_id = %(org_id)s AND i.env_id = %(env_id)s AND i.definition = %(definition)s
        AND i.event_type = %(event_type)s AND i.event_type IS NOT NULL AND i.finished_at IS NULL
        AND i.status <> 'paused'
        AND i.created_at >= CASE WHEN storm.id IS NULL
            THEN statement_timestamp() - make_interval(secs => %(window_seconds)s) ELSE '-infinity' END
    ORDER BY i.created_at DESC LIMIT %(limit)s"""
STORM = """(
    SELECT max(s.id) AS id FROM workflows_storm s
    WHERE s.env_id = %(env_id)s AND s.definition = %(definition)s AND s.event_type = %(event_type)s
        AND s.closed_at IS NULL
) AS storm"""
LOOK = f"""
SELECT (SELECT i.id FROM workflows_instance i WHERE i.id = %(id)s), storm.id,
    (SELECT count(*) FROM (SELECT 1 {LIVE}) AS live)
FROM {STORM}"""  # noqa: S608
WHICH = f"SELECT (SELECT array_agg(live.id) FROM (SELECT i.id {LIVE}) AS live) FROM {STORM}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Known:
    """The event was submitted before, and this is its instance."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Backlog:
    """Live instances of a group, counted up to the limit: rows, and what is buffered and no row yet.

    `buffered` is None when Redis does not answer; then rows alone count.
    """

    rows: int
    buffered: int | None
    storm: int | None = None
    known: bool = False

    @property
    def size(self) -> int:
        return self.rows + (self.buffered or 0)

    def certain(self, limit: int) -> int:
        """Return how many are live for certain: what is drained this moment may be counted in both stores."""
        return max(self.rows, self.buffered or 0, min(self.size, limit))


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no room, for so large a backlog."""

    outcome: Throttled
    backlog: int


Held = Ready | Refused | Known


def asks(ready: Ready) -> bool:
    """Tell whether a trigger is one that the damper counts."""
    return ready.request.origin is not None and ready.request.origin.limit > 0


@contextmanager
def room(ready: Ready) -> Iterator[Held]:
    """Hold the group's lock while the block starts the trigger, or has it buffered, if there is room for it.

    It gives the trigger with the room that is left, the instance of an event that was submitted before, or why it is
    refused. The block is one transaction of its own, never a part of the caller's.

    Raises:
        RuntimeError: the caller is in a transaction, whose rows others could not count.
        DatabaseError: the rows can't be counted.
    """
    if (refused := _judge(ready, look(ready))) is not None:
        yield refused
        return
    with transaction.atomic(durable=True):
        eventlog.execute(SET_TIMEOUT, (LOCK_TIMEOUT,))
        eventlog.execute(LOCK, (_lock_of(storms.group_of(ready.trigger)),))
        seen = look(ready)
        yield _judge(ready, seen) or with_room(ready, seen)


def probe(ready: Ready) -> Throttled | None:
    """Say whether there is no room at this moment, and change nothing."""
    seen, limit = look(ready), _origin(ready).limit
    if seen.known:
        return None
    least = limit if seen.storm is None else (limit + 1) // 2
    return _refuse(ready, seen, "none more starts now").outcome if seen.size >= least else None


def look(ready: Ready) -> Backlog:
    """Count the live backlog of the trigger's group, after a look for the instance of this very event."""
    origin = _origin(ready)
    group = storms.group_of(ready.trigger)
    known, buffered = _buffered(ready.arrival.scope, group, ready.trigger.id)
    if known:
        return Backlog(0, buffered, known=True)
    return _count(group, origin.limit, origin.window_seconds, buffered, ready.trigger.id)


def _judge(ready: Ready, seen: Backlog) -> Refused | Known | None:
    """Say what is in the way: its own instance, an open storm that is not calm, or a backlog at the limit."""
    limit = _origin(ready).limit
    if seen.known:
        return Known(ready.trigger.id)
    if seen.storm is not None:
        if not storms.is_calm(seen.size, limit):
            return _refuse(ready, seen, "a storm is open until fewer than half of that are live")
        storms.close(seen.storm, SUBMITTER)
    if seen.size >= limit:
        return _refuse(ready, seen, "come again when some have ended")
    return None


def _refuse(ready: Ready, seen: Backlog, then: str) -> Refused:
    trigger, limit = ready.trigger, _origin(ready).limit
    certain = seen.certain(limit)
    counted = f"{certain} or more" if seen.rows >= limit else str(certain)
    group = f"{trigger.event_type!r} -> {trigger.definition!r}"
    message = f"{counted} instances of {group} are live, the limit is {limit}; {then}."
    return Refused(Throttled("throttled_event_backlog", message), certain)


def with_room(ready: Ready, seen: Backlog) -> Ready:
    """Tell the gate what is left for what it has buffered of the group."""
    name = group_name(storms.group_of(ready.trigger))
    return replace(ready, arrival=replace(ready.arrival, room=Room(name, _origin(ready).limit - seen.rows)))


def suppress(ready: Ready, backlog: int | None = None) -> None:
    """Count and keep a trigger that was refused; the gate refuses at the limit."""
    limit = _origin(ready).limit
    storms.suppress(ready.trigger, limit=limit, backlog=limit if backlog is None else backlog)


def sweep() -> int:
    """Close the storms whose backlog is calm, in a bounded pass; return how many."""
    closed = 0
    for storm in storms.list_open(SWEEP_STORMS):
        if storms.is_calm(_backlog_of(storm).size, storm.limit):
            closed += storms.close(storm.id, SWEEP)
    storms.forget(conf.current().storm_kept_days, SWEEP_KEPT)
    return closed


def _backlog_of(storm: OpenStorm) -> Backlog:
    group = storm.group
    _, buffered = _buffered(Scope(str(group.org_id), str(group.env_id)), group, None)
    return _count(group, storm.limit, 0, buffered, None)


def group_name(group: Group) -> str:
    """Name a group within its environment, as the gate counts it."""
    return f"{group.definition} {group.event_type}"


def _buffered(scope: Scope, group: Group, id_: UUID | None) -> tuple[bool, int | None]:
    """Ask whether this id is buffered, and how many of its group are."""
    try:
        known = id_ is not None and buffer.read(scope, id_) is not None
        return known, buffer.group_size(scope, group_name(group))
    except MollifierError as error:
        log.warning("workflows.damper_without_buffer", error=error.code)
        return False, None


def _count(group: Group, limit: int, window_seconds: int, buffered: int | None, id_: UUID | None) -> Backlog:
    """Count rows, and take those off that are still entries too: both counts have them."""
    values = {
        "org_id": group.org_id,
        "env_id": group.env_id,
        "definition": group.definition,
        "event_type": group.event_type,
        "window_seconds": window_seconds,
        "limit": limit,
        "id": id_,
    }
    ((existing, storm, rows),) = eventlog.execute(LOOK, values)
    both = 0
    if buffered and rows and existing is None and rows < limit <= rows + buffered:
        # Some may have been drained since the count: what is taken off must be of the rows that are counted.
        ((found,),) = eventlog.execute(WHICH, values)
        ids = found or []
        rows, both = len(ids), _still_entries(Scope(str(group.org_id), str(group.env_id)), ids)
    return Backlog(rows - min(both, rows), buffered, storm, existing is not None)


def _still_entries(scope: Scope, ids: list[UUID]) -> int:
    try:
        return len(buffer.read_many(scope, ids))
    except MollifierError:
        return 0


def _lock_of(group: Group) -> int:
    """Return the number of the group's advisory lock."""
    named = f"damper {group.env_id} {group_name(group)}".encode()
    return int.from_bytes(hashlib.blake2b(named, digest_size=8).digest(), "big", signed=True)


def _origin(ready: Ready) -> Origin:
    origin = ready.request.origin
    if origin is None:
        raise ValueError("only a trigger that comes from an event has a group")
    return origin
