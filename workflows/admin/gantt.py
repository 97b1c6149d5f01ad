"""The operations of an instance as bars on a line of time, read from its log. Pure.

A log that is long is read in parts: what began or ended in a part that is not shown is drawn to its edge, and says so.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from workflows import spans
from workflows.admin.bars import LET_GO, OPEN, UNSEEN, Row, fork, in_branch_order
from workflows.fence import StoredEvent
from workflows.states import EventType, Status

Segment = Sequence[StoredEvent]
STEP, WAIT, HOOK, CHILD, EMIT, PAUSE = "step", "wait", "hook", "child", "emit", "pause"
RECEIVED = "received"
# What may still come for an operation that its code has gone on without.
LATE = frozenset({EventType.HOOK_RECEIVED, EventType.HOOK_DISPOSED, EventType.CHILD_FINISHED})


def read(segments: Iterable[Segment], *, now: datetime, finished_at: datetime | None = None) -> list[Row]:
    """Return the operations of the parts of a log that are shown, those of a branch together."""
    reading = _Reading()
    for segment in segments:
        reading.take(segment)
    reading.close(now, finished_at)
    return in_branch_order(reading.rows.values())


class _Reading:
    """Where a reading stands: its rows by correlation id, and when each fork was first seen."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self._open: dict[str, Row] = {}
        self._forks: dict[tuple[str, ...], int] = {}
        self._pause: Row | None = None
        self._edge: datetime | None = None
        self._last: StoredEvent | None = None

    def take(self, segment: Segment) -> None:
        if not segment:
            return
        first = segment[0]
        if self._last is not None and first.seq > self._last.seq + 1:
            self._cross(self._last.at)
        if first.seq > 1:
            self._edge = first.at
        took = spans.of(segment)
        for event in segment:
            if event.type in (EventType.PAUSED, EventType.RESUMED):
                self._steer(event)
            elif event.type in self._DRAW:
                self._let_go(event)
                seconds = took.get(event.seq)
                self._DRAW[event.type](self, self._row(event), event, seconds)
        self._last = segment[-1]

    def close(self, now: datetime, finished_at: datetime | None) -> None:
        """Draw what goes on up to now, or what the end of the instance cut off up to there."""
        for row in [*self._open.values(), *([self._pause] if self._pause else [])]:
            _draw_open(row, now if finished_at is None else finished_at, ended=finished_at is not None)

    def _cross(self, edge: datetime) -> None:
        """Leave a part of the log out: what is open may end in it, and does so unseen unless a later part tells."""
        for row in self._open.values():
            row.outcome = UNSEEN
        if self._pause is not None:
            self._finish(self._pause, UNSEEN)
            self._pause.draw(PAUSE, self._pause.since or edge, edge, "its end is not shown", sure=False)
            self._pause = None

    def _row(self, event: StoredEvent) -> Row:
        id_ = event.correlation_id
        if (row := self.rows.get(id_)) is None:
            *branch, last = id_.split("/")
            kind, _, name = last.partition(":")
            row = self.rows[id_] = Row(kind, name, id_, event.seq, tuple(branch))
            self._open[id_] = row
        if row.outcome == UNSEEN:
            row.outcome = OPEN
        return row

    def _finish(self, row: Row, outcome: str) -> None:
        row.outcome = outcome
        self._open.pop(row.correlation_id, None)

    def _begun(self, row: Row, event: StoredEvent, seconds: float | None) -> tuple[datetime, bool]:
        """Return when what an event ends began, and whether the log shown tells that."""
        if row.since is not None:
            return row.since, True
        if seconds is not None:
            return event.at - timedelta(seconds=seconds), True
        return self._edge or event.at, False

    def _let_go(self, event: StoredEvent) -> None:
        """End what lost a race: its code goes on behind the fork."""
        if event.type in LATE:
            return
        here = tuple(event.correlation_id.split("/")[:-1])
        for depth in range(1, len(here) + 1):
            self._forks.setdefault(fork(here[:depth]), event.seq)
        for row in list(self._open.values()):
            if row.kind in (STEP, WAIT) and self._is_behind(row, here):
                _draw_open(row, event.at, ended=True)
                self._finish(row, UNSEEN if row.outcome == UNSEEN else LET_GO)

    def _is_behind(self, row: Row, here: tuple[str, ...]) -> bool:
        """Say whether code at `here` can only run once the fork that a row is in is over."""
        same = 0
        while same < min(len(here), row.depth) and here[same] == row.branch[same]:
            same += 1
        if same == row.depth:
            return False
        if same == len(here):
            return True
        other = fork(here[: same + 1])
        return other != fork(row.branch[: same + 1]) and self._forks[other] > row.seq

    # What each event draws.

    def _step_ended(self, row: Row, event: StoredEvent, seconds: float | None) -> None:
        begun, sure = self._begun(row, event, seconds)
        row.attempt += 1
        failed = event.type == EventType.STEP_FAILED
        row.error = _error(event) if failed else row.error
        said = f"attempt {row.attempt} failed: {row.error}" if failed else f"attempt {row.attempt} completed"
        row.draw("failed" if failed else "completed", begun, event.at, said, sure=sure)
        self._finish(row, "failed" if failed else "completed")

    def _step_retrying(self, row: Row, event: StoredEvent, seconds: float | None) -> None:
        begun, sure = self._begun(row, event, seconds)
        data = event.value()
        row.attempt, row.due_at, row.error = int(str(data["attempt"])), _time(data["retry_at"]), _error(event)
        row.draw("retried", begun, event.at, f"attempt {row.attempt} failed: {row.error}", sure=sure)
        row.draw("backoff", event.at, row.due_at, f"pause before attempt {row.attempt + 1}")
        row.since = row.due_at

    def _opened(self, row: Row, event: StoredEvent, _seconds: float | None) -> None:
        data = event.value()
        row.since = event.at
        row.due_at = _time(data.get("due_at"))
        row.child_id = str(data.get("instance_id", ""))

    def _waited(self, row: Row, event: StoredEvent, seconds: float | None) -> None:
        begun, sure = self._begun(row, event, seconds)
        row.draw(WAIT, begun, event.at, "slept", sure=sure)
        self._finish(row, "completed")

    def _hook_received(self, row: Row, event: StoredEvent, seconds: float | None) -> None:
        begun, sure = self._begun(row, event, seconds)
        row.attempt += 1
        row.draw(HOOK, begun, event.at, "open until it received", sure=sure)
        row.since = event.at

    def _hook_ended(self, row: Row, event: StoredEvent, seconds: float | None) -> None:
        begun, sure = self._begun(row, event, seconds)
        reason = str(event.value().get("reason", "")).replace("_", " ")
        conflict = event.type == EventType.HOOK_CONFLICT
        if not row.attempt or begun < event.at:
            row.draw("failed" if conflict else HOOK, begun, event.at, "conflict" if conflict else reason, sure=sure)
        done = RECEIVED if row.attempt else reason or "closed"
        self._finish(row, "conflict" if conflict else done)

    def _child_finished(self, row: Row, event: StoredEvent, seconds: float | None) -> None:
        begun, sure = self._begun(row, event, seconds)
        data = event.value()
        status = str(data.get("status", ""))
        row.child_id = row.child_id or str(data.get("instance_id", ""))
        row.error = _error(event) if data.get("error") else ""
        good = status == Status.COMPLETED
        refused = row.since is None and not row.child_id
        row.draw(CHILD if good else "failed", event.at if refused else begun, event.at, status, sure=sure or refused)
        self._finish(row, status)

    def _emitted(self, row: Row, event: StoredEvent, _seconds: float | None) -> None:
        row.draw(EMIT, event.at, event.at, "emitted")
        self._finish(row, "emitted")

    def _steer(self, event: StoredEvent) -> None:
        if event.type == EventType.PAUSED and self._pause is None:
            name = f"by {event.value().get('actor', 'somebody')}"
            self._pause = self.rows[f"{PAUSE}:{event.seq}"] = Row(PAUSE, name, "", event.seq, since=event.at)
        elif event.type == EventType.RESUMED and self._pause is not None:
            self._pause.draw(PAUSE, self._pause.since or event.at, event.at, "paused")
            self._pause.outcome, self._pause = "resumed", None

    # What each event does to the row of its operation.
    _DRAW: ClassVar[dict[str, Callable[["_Reading", Row, StoredEvent, float | None], None]]] = {
        EventType.STEP_COMPLETED: _step_ended,
        EventType.STEP_FAILED: _step_ended,
        EventType.STEP_RETRYING: _step_retrying,
        EventType.WAIT_CREATED: _opened,
        EventType.WAIT_COMPLETED: _waited,
        EventType.HOOK_CREATED: _opened,
        EventType.HOOK_RECEIVED: _hook_received,
        EventType.HOOK_CONFLICT: _hook_ended,
        EventType.HOOK_DISPOSED: _hook_ended,
        EventType.CHILD_STARTED: _opened,
        EventType.CHILD_FINISHED: _child_finished,
        EventType.EMITTED: _emitted,
    }


def _draw_open(row: Row, until: datetime, *, ended: bool) -> None:
    """Draw what the log tells no end of."""
    unseen = row.outcome == UNSEEN
    if ended and row.kind == HOOK and row.attempt:
        # Its instance went on with what it received, and ended before it had to let go of it.
        row.outcome = RECEIVED
        return
    if row.bars and row.bars[-1].look == "backoff" and row.bars[-1].ended and row.bars[-1].ended > until:
        last = row.bars.pop()
        row.draw(last.look, last.begun, until if ended else None, last.said)
    elif row.since is not None and row.since <= until:
        look = "running" if row.kind == STEP else row.kind
        said = "its end is not shown" if unseen else f"attempt {row.attempt + 1}" if row.kind == STEP else "open"
        row.draw(look, row.since, until if ended else None, said, sure=not unseen)
    if ended and not unseen:
        row.outcome = LET_GO


def _error(event: StoredEvent) -> str:
    error = event.value().get("error")
    return f"{error.get('code', '')}: {error.get('message', '')}" if isinstance(error, dict) else ""


def _time(found: object) -> datetime | None:
    return datetime.fromisoformat(found) if isinstance(found, str) else None
