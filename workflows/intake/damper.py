"""The damper: how many instances of a definition may be live that events of one type started.

It is exact for any number of submitters, since the count and what it allows happen under one lock of the group, and
both stores are counted.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction

from mollifier.decision import Room
from workflows import conf, eventlog, storms
from workflows.intake import groups
from workflows.intake.groups import Backlog
from workflows.intake.outcome import Throttled
from workflows.intake.preflight import Ready
from workflows.storms import Group

SUBMITTER, SWEEP = "submitter", "sweep"
LOCK_SECONDS = 5
# What one pass of the sweep looks at, and deletes.
SWEEP_STORMS, SWEEP_KEPT = 500, 5_000

# The time-out holds from its own moment on, so it bounds the lock that the same statement takes.
LOCK = "SELECT set_config('lock_timeout', %s, true), pg_advisory_xact_lock(%s)"


@dataclass(frozen=True, slots=True)
class Known:
    """The event was submitted before, and this is its instance."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no room, for so large a backlog, or before `storm` has ended. `counted`: that has it already."""

    outcome: Throttled
    backlog: int
    storm: int | None = None
    counted: bool = False


Held = Ready | Refused | Known


def asks(ready: Ready) -> bool:
    """Tell whether a trigger is one that the damper counts."""
    return ready.request.origin is not None and ready.request.origin.limit > 0


def stand_alone() -> None:
    """Raise RuntimeError where the caller is in a transaction, whose rows others could not count.

    What counts a refusal eases its own transaction, too, which must be no other's.
    """
    # An empty one sends nothing.
    with transaction.atomic(durable=True):
        pass


def refuse(waiting: Sequence[Ready]) -> list[Refused | Known | None]:
    """Say of triggers of one group what is in their way for certain, without its lock; None: there may be room.

    For a caller that stands alone.

    Raises:
        DatabaseError: the rows can't be counted.
    """
    seen = groups.look(*waiting, counting=True)
    return [_judge(ready, seen, seen.certain) for ready in waiting]


@contextmanager
def room(waiting: Sequence[Ready]) -> Iterator[list[Held]]:
    """Hold a group's lock while the block starts those triggers, or has them buffered, for which there is room.

    Each is given with its room, or as the instance of an event that was submitted before, or with why it is refused.
    The block is one transaction of its own. Nobody else adds to the group meanwhile, so one look is enough for all:
    what it counted and what is let in since are the most that can be live.

    Raises:
        RuntimeError: the caller is in a transaction, whose rows others could not count.
        DatabaseError: the rows can't be counted, or the lock did not come in time.
    """
    with transaction.atomic(durable=True):
        eventlog.execute(LOCK, (f"{LOCK_SECONDS}s", _lock_of(storms.group_of(waiting[0].trigger))))
        seen = groups.count(*waiting)
        if seen.storm is not None and storms.is_calm(seen.size, waiting[0].origin.limit):
            storms.close(seen.storm, SUBMITTER)
            seen = replace(seen, storm=None)
        yield list(_shared_out(waiting, seen))


def _shared_out(waiting: Sequence[Ready], seen: Backlog) -> Iterator[Held]:
    """Give the room to the first who come; the same event twice is let in once."""
    left = waiting[0].origin.limit - seen.rows
    for ready in waiting:
        held = _judge(ready, seen, seen.size)
        if held is None:
            seen = replace(seen, rows=seen.rows + 1, known=seen.known | {ready.trigger.id})
        yield held or _with_room(ready, left)


def probe(ready: Ready) -> Throttled | None:
    """Say whether there is no room at this moment, and change nothing."""
    seen, limit = groups.count(ready), ready.origin.limit
    if ready.trigger.id in seen.known:
        return None
    least = limit if seen.storm is None else (limit + 1) // 2
    return _refuse(ready, seen, seen.size, "none more starts now").outcome if seen.size >= least else None


def suppress(refused: Sequence[tuple[Ready, Refused]]) -> None:
    """Count and keep triggers of one group that were refused and are not counted yet."""
    by_storm: dict[int | None, list[tuple[Ready, Refused]]] = {}
    for ready, each in refused:
        by_storm.setdefault(each.storm, []).append((ready, each))
    for storm, found in by_storm.items():
        limit, backlog = found[0][0].origin.limit, max(each.backlog for _, each in found)
        storms.suppress([ready.trigger for ready, _ in found], limit=limit, backlog=backlog, storm=storm)


def suppress_at_gate(ready: Ready) -> None:
    """Count and keep a trigger that the gate refused, as it does at the limit."""
    storms.suppress([ready.trigger], limit=ready.origin.limit, backlog=ready.origin.limit)


def sweep() -> int:
    """Close the storms whose backlog is calm, in a bounded pass; return how many."""
    closed = 0
    for storm in storms.list_open(SWEEP_STORMS):
        if storms.is_calm(groups.live(storm.group, storm.limit), storm.limit):
            closed += storms.close(storm.id, SWEEP)
    storms.forget(conf.current().storm_kept_days, SWEEP_KEPT)
    return closed


def _judge(ready: Ready, seen: Backlog, live: int) -> Refused | Known | None:
    """Say what is in the way: its own instance, an open storm that is not calm, or as many live as the limit."""
    limit = ready.origin.limit
    if ready.trigger.id in seen.known:
        return Known(ready.trigger.id)
    if seen.storm is not None and not storms.is_calm(seen.size, limit):
        refused = _refuse(ready, seen, live, "a storm is open until fewer than half of that are live")
        return replace(refused, storm=seen.storm, counted=ready.trigger.id in seen.suppressed)
    if live >= limit:
        return _refuse(ready, seen, live, "come again when some have ended")
    return None


def _refuse(ready: Ready, seen: Backlog, live: int, then: str) -> Refused:
    trigger, limit = ready.trigger, ready.origin.limit
    certain = max(seen.certain, min(live, limit))
    counted = f"{certain} or more" if seen.rows >= limit else str(certain)
    group = f"{trigger.event_type!r} -> {trigger.definition!r}"
    message = f"{counted} instances of {group} are live, the limit is {limit}; {then}."
    return Refused(Throttled("throttled_event_backlog", message), certain)


def _with_room(ready: Ready, left: int) -> Ready:
    """Tell the gate how much of the group it may have buffered."""
    room = Room(groups.name(storms.group_of(ready.trigger)), left)
    return replace(ready, arrival=replace(ready.arrival, room=room))


def _lock_of(group: Group) -> int:
    """Return the number of the group's advisory lock."""
    named = f"damper {group.env_id} {groups.name(group)}".encode()
    return int.from_bytes(hashlib.blake2b(named, digest_size=8).digest(), "big", signed=True)
