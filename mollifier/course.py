"""What happens in a simulation, second by second, and what it comes to."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_POINTS = 240


@dataclass(frozen=True, slots=True)
class Point:
    """Some seconds from `at` (since the epoch) on: what came, was buffered and drained, and the worst depth and age."""

    at: int
    arrived: int
    buffered: int
    drained: int
    depth: int
    oldest_age_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of them. `stopped` names the cap that ended it early: triggers, seconds or drain; else empty."""

    points: tuple[Point, ...]
    step_seconds: int
    triggers: int
    recorded: int
    passed: int
    buffered: int
    refused: int
    trips: int
    reasons: tuple[tuple[str, int], ...]
    peak_depth: int
    max_age_ms: float
    wait_p50_ms: float | None
    wait_p95_ms: float | None
    left: int
    stopped: str

    @property
    def share(self) -> float:
        """The share of triggers that was buffered, in percent."""
        return 100 * self.buffered / self.triggers if self.triggers else 0.0


@dataclass(slots=True)
class Course:
    """What happened so far; times are milliseconds. `waiting` and `theirs` are ids: of the org, and of its rivals."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    waiting: dict[bytes, float] = field(default_factory=dict)
    theirs: dict[bytes, int] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    arrived: Counter[int] = field(default_factory=Counter)
    buffered: Counter[int] = field(default_factory=Counter)
    drained: Counter[int] = field(default_factory=Counter)
    depth: dict[int, int] = field(default_factory=dict)
    age: dict[int, float] = field(default_factory=dict)
    claims: int = 0
    made: int = 0


def result(course: Course, recorded: int, stopped: str) -> Result:
    """Gather the course into a result of at most MOST_POINTS points."""
    first, last = min(course.arrived), max((*course.arrived, *course.depth))
    step = math.ceil((last - first + 1) / MOST_POINTS)
    waits = sorted(course.waits)
    return Result(
        points=tuple(_point(course, start, step) for start in range(first, last + 1, step)),
        step_seconds=step,
        triggers=course.counts["triggers"],
        recorded=recorded,
        passed=course.counts["passed"],
        buffered=course.counts["buffered"],
        refused=course.counts["refused"],
        trips=course.counts["trips"],
        reasons=tuple(course.reasons.most_common()),
        peak_depth=max(course.depth.values(), default=0),
        max_age_ms=max((*course.age.values(), *waits[-1:]), default=0.0),
        wait_p50_ms=_quantile(waits, 0.5),
        wait_p95_ms=_quantile(waits, 0.95),
        left=len(course.waiting),
        stopped=stopped,
    )


def _point(course: Course, start: int, step: int) -> Point:
    span = range(start, start + step)
    return Point(
        at=start,
        arrived=sum(course.arrived[at] for at in span),
        buffered=sum(course.buffered[at] for at in span),
        drained=sum(course.drained[at] for at in span),
        depth=max(course.depth.get(at, 0) for at in span),
        oldest_age_ms=max(course.age.get(at, 0.0) for at in span),
    )


def _quantile(waits: Sequence[float], share: float) -> float | None:
    return waits[min(len(waits) - 1, int(share * len(waits)))] if waits else None
