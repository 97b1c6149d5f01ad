"""Parts of a log for a page: bounded in events and in bytes, however long the log is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from workflows import eventlog
from workflows.fence import StoredEvent

# Drawn at most; of a longer log half of them from each end.
DRAWN = 300
LISTED = 100
LONGEST = 64 * 1024

# Without what operations gave or got: only what a bar tells. A child's output stands last, and is cut off as text: the
# operators that take JSON apart refuse a text with a NUL.
DRAW = """
SELECT seq, type, correlation_id, CASE
    WHEN type = 'child_finished' THEN regexp_replace(data::text, ',"output":.*', '}')
    WHEN type IN ('step_retrying', 'step_failed', 'wait_created', 'hook_created', 'hook_disposed', 'hook_conflict',
        'child_started', 'paused', 'resumed') THEN data::text
    ELSE '{}' END, at
FROM workflows_event WHERE instance_id = %(id)s
    AND (seq BETWEEN %(first)s AND %(head)s OR seq BETWEEN %(tail)s AND %(last)s)
ORDER BY seq"""

LIST = """
SELECT seq, type, correlation_id, CASE WHEN octet_length(data::text) <= %s THEN data::text END,
    octet_length(data::text), at
FROM workflows_event WHERE instance_id = %s AND seq > %s ORDER BY seq LIMIT %s"""


@dataclass(frozen=True, slots=True)
class Window:
    """The events that are drawn, in one part or two, and where those before and behind begin; None: there are none."""

    segments: tuple[tuple[StoredEvent, ...], ...]
    last_seq: int
    earlier: int | None = None
    later: int | None = None

    @property
    def hidden(self) -> tuple[int, int] | None:
        """The first and the last event between two parts."""
        if len(self.segments) < 2:
            return None
        head, tail = self.segments
        return head[-1].seq + 1, tail[0].seq - 1

    @property
    def shown(self) -> tuple[int, int] | None:
        """The first and the last event of the one part that is drawn."""
        if len(self.segments) != 1 or not self.segments[0]:
            return None
        return self.segments[0][0].seq, self.segments[0][-1].seq


@dataclass(frozen=True, slots=True)
class Listed:
    """One event. `data` is None where it is too long to be shown; `size` is its length in bytes."""

    seq: int
    type: str
    correlation_id: str
    data: str | None
    size: int
    at: datetime


def window(instance_id: UUID, last_seq: int, start: int | None) -> Window:
    """Read what is drawn: all of a short log, both ends of a long one, or so many events from `start`; 1 query."""
    if start is None and last_seq > DRAWN:
        half = DRAWN // 2
        found = _draw(instance_id, 1, half, last_seq - half + 1, last_seq)
        head = tuple(event for event in found if event.seq <= half)
        return Window((head, tuple(event for event in found if event.seq > half)), last_seq)
    first = max(1, min(start or 1, last_seq))
    last = min(first + DRAWN - 1, last_seq)
    events = tuple(_draw(instance_id, first, last, 1, 0))
    earlier = max(1, first - DRAWN) if first > 1 else None
    return Window((events,), last_seq, earlier, last + 1 if last < last_seq else None)


def page(instance_id: UUID, after: int) -> Sequence[Listed]:
    """Read the events behind a number, LISTED of them; 1 query."""
    return [Listed(*row) for row in eventlog.execute(LIST, (LONGEST, instance_id, after, LISTED))]


def _draw(instance_id: UUID, first: int, head: int, tail: int, last: int) -> list[StoredEvent]:
    bounds = {"id": instance_id, "first": first, "head": head, "tail": tail, "last": last}
    return [StoredEvent(*row) for row in eventlog.execute(DRAW, bounds)]
