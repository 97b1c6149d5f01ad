"""Judges logs, whoever made them: dense, in order, one outcome for each operation, and the same story when retold."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from workflows.fence import StoredEvent

TERMINAL = frozenset({"completed", "failed", "cancelled"})
# How an instance's status reads in its last event.
ENDINGS = {"completed": "completed", "failed": "failed", "cancelled": "cancelled", "system_failure": "failed"}
ONCE = frozenset({"created", "started"})
# Of one operation a log has at most one event of each group.
OUTCOMES = {
    "step_completed": "step",
    "step_failed": "step",
    "wait_created": "wait",
    "wait_completed": "end of the wait",
    "hook_created": "hook",
    "hook_conflict": "hook",
    "hook_disposed": "end of the hook",
    "child_started": "child",
    "child_finished": "end of the child",
}
# What has an event of the second type had one of the first before.
PRECEDED = {
    "wait_completed": "wait_created",
    "hook_received": "hook_created",
    "hook_disposed": "hook_created",
}
# After the second, an operation gets no event of the first any more.
CLOSED = {"step_retrying": ("step_completed", "step_failed"), "hook_received": ("hook_disposed",)}


@dataclass(frozen=True, slots=True)
class Log:
    """An instance's row and its events, as the tables have them."""

    id: UUID
    org_id: UUID
    env_id: UUID
    root_id: UUID
    depth: int
    definition: str
    version: int
    status: str
    shard: int
    last_seq: int
    created_at: datetime
    finished_at: datetime | None
    error_code: str | None
    events: tuple[StoredEvent, ...]

    @property
    def seconds(self) -> float | None:
        """How long it took, once it is finished."""
        return None if self.finished_at is None else (self.finished_at - self.created_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a log. `code` is stable."""

    instance_id: UUID
    code: str
    detail: str

    def __str__(self) -> str:
        return f"{self.instance_id}: {self.code}, {self.detail}"


@dataclass(frozen=True, slots=True)
class Story:
    """How the code ends when it is driven over a log: `output` is JSON text of a completed one."""

    output: str | None = None
    failure: str | None = None
    diverged: str | None = None


# Drives the code of a log's definition over it.
Teller = Callable[[Log], Story]


def judge(log: Log, tell: Teller | None = None) -> list[Fault]:
    """Return everything that is wrong with a finished instance's log; without a teller it is not retold."""
    found = [*numbers(log), *order(log.events), *ending(log), *operations(log.events)]
    if tell is not None:
        found += retold(log, tell(log))
    return [Fault(log.id, code, detail) for code, detail in found]


Found = Iterator[tuple[str, str]]


def numbers(log: Log) -> Found:
    """Sequence numbers run 1, 2, 3 up to the row's tail, and time never runs backwards."""
    for expected, event in enumerate(log.events, 1):
        if event.seq != expected:
            yield "gap", f"{event.seq} stands where {expected} should"
            break
    if len(log.events) != log.last_seq:
        yield "tail", f"the row says {log.last_seq}, the log has {len(log.events)} events"
    for before, after in zip(log.events, log.events[1:], strict=False):
        if after.at < before.at:
            yield "backwards", f"{after.seq} is older than {before.seq}"


def order(events: Sequence[StoredEvent]) -> Found:
    """It begins with `created`, and begins once."""
    if not events or events[0].type != "created":
        yield "beginning", f"it begins with {events[0].type if events else 'nothing'}"
    for type_, count in Counter(event.type for event in events if event.type in ONCE).items():
        if count > 1:
            yield "beginning", f"{type_} stands {count} times"


def ending(log: Log) -> Found:
    """Its one terminal event is the last, and says what the row says."""
    ends = [event for event in log.events if event.type in TERMINAL]
    if log.finished_at is None:
        if ends:
            yield "ending", f"it goes on after {ends[0].type}"
        return
    if len(ends) != 1:
        yield "two_ends" if ends else "ending", f"{len(ends)} ends: {[event.type for event in ends]}"
    elif ends[0] is not log.events[-1]:
        yield "ending", f"{log.events[-1].type} comes after {ends[0].type}"
    if ends and ends[-1].type != ENDINGS.get(log.status):
        yield "ending", f"the row is {log.status}, the log ends with {ends[-1].type}"


def operations(events: Iterable[StoredEvent]) -> Found:
    """Each operation is decided once, has one outcome, and nothing of it comes too early or too late."""
    had: set[tuple[str, str]] = set()
    settled: dict[tuple[str, str], str] = {}
    for event in events:
        name, type_ = event.correlation_id, event.type
        if type_ in OUTCOMES:
            first = settled.setdefault((name, OUTCOMES[type_]), type_)
            if (name, OUTCOMES[type_]) in had:
                yield "two_outcomes", f"{name} has {type_} at {event.seq} after {first}"
            had.add((name, OUTCOMES[type_]))
        if type_ in PRECEDED and (name, PRECEDED[type_]) not in had:
            yield "unasked", f"{name} has {type_} at {event.seq} without {PRECEDED[type_]}"
        if any((name, closing) in had for closing in CLOSED.get(type_, ())):
            yield "too_late", f"{name} has {type_} at {event.seq} after its end"
        had.add((name, type_))


def retold(log: Log, story: Story) -> Found:
    """The code, driven over the log, comes to the end that the log has."""
    if story.diverged is not None:
        yield "diverged", story.diverged
    elif log.status == "completed":
        wanted = log.events[-1].value().get("output") if log.events else None
        told = None if story.output is None else msgspec.json.decode(story.output)
        if story.output is None or told != wanted:
            yield "retold", f"the log ends with {_short(wanted)}, its retelling with {_short(story.failure or told)}"
    elif log.status == "failed" and story.failure is None:
        yield "retold", f"the log failed with {log.error_code}, its retelling did not"


def _short(value: object) -> str:
    return repr(value)[:200]
