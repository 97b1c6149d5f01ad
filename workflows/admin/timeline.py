"""The log of an instance as operators read it: what happened when, how long it took, and the data behind it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from workflows.admin.bars import Bar, Row
from workflows.admin.logs import LONGEST, Listed
from workflows.admin.veil import Veil
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
# Percent of the line's length that a bar has at least, so that it is seen.
NARROWEST = 0.4
KINDS: Mapping[str, str] = {"pause": "paused", "emit": "event", "wait": "wait"}


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


@dataclass(frozen=True, slots=True)
class Drawn:
    """A bar with its place on the line, in percent; `goes_on` when it has no end yet."""

    look: str
    said: str
    left: float
    width: float
    goes_on: bool
    sure: bool

    @property
    def style(self) -> str:
        return f"left:{self.left:.3f}%;width:{self.width:.3f}%"


@dataclass(frozen=True, slots=True)
class Line:
    """One row with what is drawn of it. `turn` says that its branch is not that of the row before."""

    row: Row
    kind: str
    name: str
    error: str
    after: float
    bars: Sequence[Drawn]
    turn: bool


@dataclass(frozen=True, slots=True)
class Scale:
    """The line of time: from when to when."""

    begin: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return max((self.end - self.begin).total_seconds(), 0.001)

    @property
    def ticks(self) -> Sequence[tuple[float, float]]:
        """Five places on the line: in percent, and in seconds since its begin."""
        return [(25.0 * part, self.seconds * part / 4) for part in range(5)]

    def place(self, bar: Bar, veil: Veil) -> Drawn:
        left = self._percent(bar.begun)
        right = 100.0 if bar.ended is None else self._percent(bar.ended)
        width = max(right - left, NARROWEST)
        return Drawn(bar.look, veil.text(bar.said), min(left, 100.0 - width), width, bar.ended is None, bar.sure)

    def _percent(self, moment: datetime) -> float:
        return min(max(100 * (moment - self.begin).total_seconds() / self.seconds, 0.0), 100.0)


def tell(events: Iterable[Listed], accepted_at: datetime, veil: Veil) -> Iterator[Moment]:
    for event in events:
        yield Moment(
            seq=event.seq,
            title=event.type.replace("_", " "),
            subject=event.correlation_id,
            tone=TONES.get(event.type, "calm"),
            at=event.at,
            after=(event.at - accepted_at).total_seconds(),
            data=_data(event, veil),
        )


def draw(rows: Sequence[Row], scale: Scale, veil: Veil) -> list[Line]:
    """Place rows on the line of time."""
    lines = []
    branch: tuple[str, ...] = ()
    for row in rows:
        lines.append(
            Line(
                row=row,
                kind=KINDS.get(row.kind, row.kind),
                name=row.name,
                error=veil.text(row.error) if row.error else "",
                after=(row.begun - scale.begin).total_seconds(),
                bars=[scale.place(bar, veil) for bar in row.bars],
                turn=row.branch != branch,
            )
        )
        branch = row.branch
    return lines


def _data(event: Listed, veil: Veil) -> str:
    if event.data is None:
        return f"{event.size:,} bytes: more than the {LONGEST:,} that are shown here. The API gives it whole."
    return "" if event.data == "{}" else veil.json(event.data)
