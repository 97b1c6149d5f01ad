"""Bars on a line of time, one row for an operation, the rows of a branch together. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

OPEN, LET_GO, UNSEEN = "open", "let go", "not shown"


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time. `ended` is None while it goes on; `sure` is false where its begin or end is not in sight."""

    look: str
    begun: datetime
    ended: datetime | None
    said: str = ""
    sure: bool = True


@dataclass(slots=True, eq=False)
class Row:
    """One operation with all its attempts. `branch` are the branches around it, outermost first."""

    kind: str
    name: str
    correlation_id: str
    seq: int
    branch: tuple[str, ...] = ()
    outcome: str = OPEN
    bars: list[Bar] = field(default_factory=list)
    since: datetime | None = None
    due_at: datetime | None = None
    attempt: int = 0
    error: str = ""
    child_id: str = ""

    @property
    def depth(self) -> int:
        return len(self.branch)

    @property
    def label(self) -> str:
        """Name the branches around it."""
        return " / ".join(self.branch)

    @property
    def is_open(self) -> bool:
        return self.outcome == OPEN

    @property
    def begun(self) -> datetime:
        return self.bars[0].begun

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it goes on."""
        ended = self.bars[-1].ended
        return None if ended is None else max(0.0, (ended - self.begun).total_seconds())

    def draw(self, look: str, begun: datetime, ended: datetime | None, said: str, *, sure: bool = True) -> None:
        self.bars.append(Bar(look, begun, ended, said, sure))


def fork(branch: tuple[str, ...]) -> tuple[str, ...]:
    """Return a branch without its own label: what it has in common with its siblings."""
    return (*branch[:-1], branch[-1].rpartition(".")[0])


def in_branch_order(rows: Iterable[Row]) -> list[Row]:
    """Sort by when things began, those of one branch together behind what came before their fork."""
    known = sorted(rows, key=lambda row: row.seq)
    first: dict[tuple[str, ...], int] = {}
    for row in known:
        for depth in range(1, row.depth + 1):
            for each in (fork(row.branch[:depth]), row.branch[:depth]):
                first.setdefault(each, row.seq)

    def place(row: Row) -> list[int]:
        order: list[int] = []
        for depth in range(1, row.depth + 1):
            order += [first[fork(row.branch[:depth])], first[row.branch[:depth]]]
        return [*order, row.seq]

    return sorted((row for row in known if row.bars), key=place)
