"""What keeps an instance from going on, as the tables and the buffer have it: the facts behind one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from workflows import conf, eventlog, sharding
from workflows.intake import queueing
from workflows.intake.directory import Env
from workflows.intake.queueing import Position
from workflows.intake.view import BUFFERED, InstanceView
from workflows.states import FINISHED

# Looked at, the latest first: a log may have thousands of timers, and the one that is due next is among the last.
TIMERS, HOOKS, CHILDREN = 500, 20, 20

ROW = """
SELECT i.wake_at, i.last_event_at, lane.index IS NOT NULL, coalesce(lane.deadline > clock_timestamp(), false),
    coalesce(lane.max_parallelism = 0, false), clock_timestamp()
FROM workflows_instance i
LEFT JOIN workflows_shard lane ON lane.index = CASE WHEN i.shard BETWEEN 0 AND %(shards)s - 1 THEN i.shard ELSE 0 END
WHERE i.id = %(id)s"""
LATEST = """
SELECT seq, type, correlation_id, data::text, at FROM workflows_event
WHERE instance_id = %s AND type IN ('wait_created', 'step_retrying', 'hook_created', 'paused')
ORDER BY seq DESC LIMIT %s"""
OPEN = """
(SELECT 'hook', name, token, NULL::uuid, correlation_id FROM workflows_hook
 WHERE instance_id = %(id)s AND disposed_at IS NULL ORDER BY id LIMIT %(hooks)s)
UNION ALL
(SELECT 'child', definition, status, id, '' FROM workflows_instance
 WHERE parent_id = %(id)s AND source = 'child' AND finished_at IS NULL ORDER BY id LIMIT %(children)s)"""


@dataclass(frozen=True, slots=True)
class Lane:
    """The shard of an instance: whether a pump ever ran it, one does now, and whether an operator paused it."""

    index: int
    known: bool = True
    alive: bool = True
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Timer:
    """A time that an operation waits for. `kind` is wait, step or hook; a step has its attempts and its error.

    `correlation_id` names the operation, and with it the fork that it stands in.
    """

    kind: str
    name: str
    due_at: datetime
    attempt: int = 0
    error: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class OpenHook:
    """A hook that can be resumed."""

    name: str
    token: str
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A child that has not ended."""

    id: UUID
    definition: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All of it; `wake_at` is when the instance is due next, `now` the database's time."""

    instance: InstanceView
    now: datetime
    lane: Lane
    wake_at: datetime | None = None
    last_event_at: datetime | None = None
    timer: Timer | None = None
    paused_by: str = ""
    paused_at: datetime | None = None
    hooks: Sequence[OpenHook] = ()
    children: Sequence[Unfinished] = ()
    position: Position | None = None


class _Due(msgspec.Struct):
    """What of an event's data tells a time, and why."""

    due_at: datetime | None = None
    retry_at: datetime | None = None
    attempt: int = 0
    error: dict[str, str] | None = None
    actor: str = ""


def read(env: Env, instance: InstanceView, now: datetime) -> Standing:
    """Read the facts: 1 query for an instance that is over, 3 for one that is not; a buffered one asks Redis."""
    lane = Lane(sharding.safe_shard(instance.shard, conf.current().shards))
    if not instance.last_seq:
        waits = instance.status == BUFFERED
        return Standing(
            instance=instance, now=now, lane=lane, position=queueing.find(env, instance.id) if waits else None
        )
    found = eventlog.execute(ROW, {"id": instance.id, "shards": conf.current().shards})
    if not found or instance.status in FINISHED:
        return Standing(instance=instance, now=found[0][5] if found else now, lane=lane)
    wake_at, last_event_at, known, alive, paused, now = found[0]
    latest = eventlog.execute(LATEST, (instance.id, TIMERS))
    awaited = eventlog.execute(OPEN, {"id": instance.id, "hooks": HOOKS, "children": CHILDREN})
    pauses = [(at, _due(data).actor) for _, type_, _, data, at in latest if type_ == "paused"]
    return Standing(
        instance=instance,
        now=now,
        lane=Lane(lane.index, known, alive, paused),
        wake_at=wake_at,
        last_event_at=last_event_at,
        timer=_timer(latest, wake_at),
        paused_at=pauses[0][0] if pauses else None,
        paused_by=pauses[0][1] if pauses else "",
        hooks=[OpenHook(name, token, place) for kind, name, token, _, place in awaited if kind == "hook"],
        children=[Unfinished(id_, name, status) for kind, name, status, id_, _ in awaited if kind == "child"],
    )


def _timer(latest: Sequence[tuple[int, str, str, str, datetime]], wake_at: datetime | None) -> Timer | None:
    """Find the operation that the instance is woken for."""
    for _, _, correlation_id, data, _ in latest if wake_at else ():
        due = _due(data)
        if wake_at in (due.due_at, due.retry_at):
            kind, _, name = correlation_id.rpartition("/")[2].partition(":")
            error = f"{due.error.get('code', '')}: {due.error.get('message', '')}" if due.error else ""
            return Timer(kind, name.rpartition(":")[0], wake_at, due.attempt, error, correlation_id)  # type: ignore[arg-type]
    return None


def _due(data: str) -> _Due:
    return msgspec.json.decode(data, type=_Due)
