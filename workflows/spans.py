"""How long the operations of an instance took, read from its log. Pure.

A log does not tell when a step was begun. It is counted from what happened before it in its own branch, or from the
time that its retry was due, so waiting for a free place is part of it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import ClassVar

import msgspec

from workflows.fence import StoredEvent
from workflows.states import EventType

STEPS = frozenset({EventType.STEP_COMPLETED, EventType.STEP_FAILED, EventType.STEP_RETRYING})
ENDS = frozenset({EventType.COMPLETED, EventType.FAILED, EventType.CANCELLED})
# What lets the code of a branch go on.
MOVES = frozenset(
    {
        EventType.CREATED,
        EventType.STARTED,
        EventType.STEP_COMPLETED,
        EventType.STEP_FAILED,
        EventType.WAIT_COMPLETED,
        EventType.HOOK_CREATED,
        EventType.HOOK_CONFLICT,
        EventType.HOOK_RECEIVED,
        EventType.HOOK_DISPOSED,
        EventType.CHILD_STARTED,
        EventType.CHILD_FINISHED,
        EventType.EMITTED,
    }
)


class _Retry(msgspec.Struct):
    retry_at: datetime


def of(events: Iterable[StoredEvent]) -> dict[int, float]:
    """Return the seconds that ended with an event, by its number; events that end nothing have none."""
    reading = _Reading()
    return {event.seq: took for event in events if (took := reading.take(event)) is not None}


class _Reading:
    """Where a reading of a log stands.

    `_begun` has when each event of an operation was last seen, `_moved` when the code of a branch last went on, and
    `_below` when that or any branch of it did.
    """

    OPENING: ClassVar[dict[str, str]] = {
        EventType.WAIT_COMPLETED: EventType.WAIT_CREATED,
        EventType.HOOK_RECEIVED: EventType.HOOK_CREATED,
        EventType.HOOK_DISPOSED: EventType.HOOK_CREATED,
        EventType.CHILD_FINISHED: EventType.CHILD_STARTED,
        EventType.RESUMED: EventType.PAUSED,
    }

    def __init__(self) -> None:
        self._first: datetime | None = None
        self._begun: dict[tuple[str, str], datetime] = {}
        self._due: dict[str, datetime] = {}
        self._moved: dict[str, datetime] = {}
        self._below: dict[str, datetime] = {}

    def take(self, event: StoredEvent) -> float | None:
        """Return the seconds of what this event ends."""
        self._first = self._first or event.at
        since = self._since(event)
        self._begun[event.type, event.correlation_id] = event.at
        if event.type == EventType.STEP_RETRYING:
            self._due[event.correlation_id] = msgspec.json.decode(event.data, type=_Retry).retry_at
        if event.type in MOVES:
            self._move(event)
        return None if since is None else max(0.0, (event.at - since).total_seconds())

    def _since(self, event: StoredEvent) -> datetime | None:
        if event.type in ENDS:
            return self._first
        if event.type in STEPS:
            return self._due.get(event.correlation_id) or self._asked(event.correlation_id)
        opening = self.OPENING.get(event.type)
        return self._begun.get((opening, event.correlation_id)) if opening else None

    def _asked(self, correlation_id: str) -> datetime | None:
        own, *above = _paths(correlation_id)
        times = [self._below.get(own), *(self._moved.get(path) for path in above)]
        return max((time for time in times if time is not None), default=None)

    def _move(self, event: StoredEvent) -> None:
        own, *above = _paths(event.correlation_id)
        self._moved[own] = event.at
        for path in (own, *above):
            self._below[path] = event.at


def _paths(correlation_id: str) -> Iterator[str]:
    """Yield the branch of an operation, then those around it, the workflow itself last."""
    branches = correlation_id.split("/")[:-1]
    for count in range(len(branches), -1, -1):
        yield "/".join(branches[:count])
