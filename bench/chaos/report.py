"""What a stress run found: a value for each part."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.chaos.checker import Fault, Log

SHOWN_FAULTS = 5


@dataclass(frozen=True, slots=True)
class Lane:
    """How long the instances of one shard took, in seconds."""

    count: int
    p50: float
    longest: float


@dataclass(frozen=True, slots=True)
class Part:
    """One scenario or trial, played once. `faults` counts by code, `examples` are some of them in words.

    `unexpected` is whatever else should not have happened; `seen` are counts worth knowing. A positive control wants
    corruption, and is good when the judge sees some.
    """

    name: str
    what: str
    started: int = 0
    completed: int = 0
    failed: int = 0
    stuck: int = 0
    corrupted: int = 0
    seconds: float = 0.0
    faults: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    shards: Mapping[str, Lane] = field(default_factory=dict)
    seen: Mapping[str, float] = field(default_factory=dict)
    wants_corruption: bool = False

    @property
    def good(self) -> bool:
        if self.wants_corruption:
            return self.corrupted > 0
        return not (self.failed or self.stuck or self.corrupted or self.unexpected)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "good": self.good}


def lanes(logs: Iterable[Log]) -> dict[str, Lane]:
    """Return how long the finished instances of each shard took."""
    taken: dict[int, list[float]] = {}
    for log in logs:
        if log.seconds is not None:
            taken.setdefault(log.shard, []).append(log.seconds)
    return {
        str(shard): Lane(len(times), round(statistics.median(times), 3), round(max(times), 3))
        for shard, times in sorted(taken.items())
    }


def counted(faults: Sequence[Fault]) -> dict[str, int]:
    return dict(Counter(fault.code for fault in faults).most_common())
