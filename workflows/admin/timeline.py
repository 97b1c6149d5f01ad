"""An instance's event log as operators read it: when, since when, what, and the data behind it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from workflows.fence import StoredEvent
from workflows.states import EventType

TONES: dict[str, str] = {
    EventType.STEP_COMPLETED: "good",
    EventType.COMPLETED: "good",
    EventType.STARTED: "info",
    EventType.WAIT_CREATED: "info",
    EventType.WAIT_COMPLETED: "info",
    EventType.STEP_RETRYING: "warn",
    EventType.CANCELLED: "warn",
    EventType.PAUSED: "warn",
    EventType.RESUMED: "info",
    EventType.STEP_FAILED: "bad",
    EventType.FAILED: "bad",
}
LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Moment:
    """One event. `after` is the time since the instance was accepted, in seconds."""

    seq: int
    title: str
    subject: str
    tone: str
    at: datetime
    after: float
    data: str


def tell(events: Iterable[StoredEvent], accepted_at: datetime) -> Iterator[Moment]:
    for event in events:
        yield Moment(
            seq=event.seq,
            title=event.type.replace("_", " "),
            subject=event.correlation_id,
            tone=TONES.get(event.type, "calm"),
            at=event.at,
            after=(event.at - accepted_at).total_seconds(),
            data="" if event.data == "{}" else pretty(event.data),
        )


def pretty(text: str | bytes) -> str:
    """Indent JSON text; what is very long is cut, and says so."""
    shown = msgspec.json.format(text.decode() if isinstance(text, bytes) else text, indent=2)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}\n… {len(shown) - LONGEST:,} more characters"
