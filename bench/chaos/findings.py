"""What a cascade left behind, read from the rows, and what must hold of it."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Max, Q

from workflows.models import Instance, Storm
from workflows.states import Status

MILLISECONDS = 1_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold; without `held` it is only recorded. `timed`: a slow machine alone may break it."""

    name: str
    what: str
    ours: float
    bound: str = ""
    held: bool | None = None
    timed: bool = False

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def at_most(name: str, what: str, ours: float, bound: float, *, timed: bool = False) -> Check:
    return Check(name, what, round(ours, 3), f"<= {bound:g}", ours <= bound, timed)


def at_least(name: str, what: str, ours: float, bound: float, *, timed: bool = False) -> Check:
    return Check(name, what, round(ours, 3), f">= {bound:g}", ours >= bound, timed)


@dataclass
class Loaded:
    """What other orgs' triggers came to, in milliseconds: waits of what was buffered, answers, ends."""

    dwells: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    lost: int = 0
    refused: int = 0

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(
            self.dwells + other.dwells,
            self.answers + other.answers,
            self.ends + other.ends,
            self.lost + other.lost,
            self.refused + other.refused,
        )

    def as_dict(self) -> dict[str, float]:
        return {
            f"{word}_{name}_ms": round(percentile(sample, share), 2)
            for word, sample in (("dwell", self.dwells), ("answer", self.answers), ("end", self.ends))
            for name, share in (("p50", 0.5), ("p99", 0.99))
        }


def loaded(answer: Mapping[str, Any]) -> Loaded:
    """Look up what became of every trigger that was accepted."""
    accepted = {UUID(id_): how for id_, how in answer["accepted"].items()}
    made = Loaded(answers=list(answer["latencies_ms"]), refused=sum(answer["answers"].values()) - len(accepted))
    rows = Instance.objects.filter(id__in=list(accepted)).values_list(
        "id", "status", "accepted_at", "created_at", "finished_at"
    )
    completed = 0
    for id_, status, accepted_at, created_at, finished_at in rows:
        if accepted[id_] == "buffered":
            made.dwells.append(milliseconds(accepted_at, created_at))
        if status == Status.COMPLETED and finished_at is not None:
            completed += 1
            made.ends.append(milliseconds(accepted_at, finished_at))
    made.lost = len(accepted) - completed
    return made


def milliseconds(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds() * MILLISECONDS


def percentile(sample: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of the sample does not exceed; 0 of nothing."""
    return sorted(sample)[max(0, math.ceil(share * len(sample)) - 1)] if sample else 0.0


@dataclass(frozen=True, slots=True)
class Storms:
    """The storms of an environment: how many are open, by whom the others were closed, what they refused by group."""

    still_open: int
    by: Mapping[str, int]
    refused: Mapping[str, int]
    opened_at: Mapping[str, float]
    peak: int

    @property
    def count(self) -> int:
        return self.still_open + sum(self.by.values())


def storms(env_id: UUID) -> Storms:
    found = Storm.objects.filter(env_id=env_id)
    refused: dict[str, int] = {}
    opened: dict[str, float] = {}
    for definition, type_, suppressed, at in found.values_list("definition", "event_type", "suppressed", "opened_at"):
        group = f"{definition} {type_}"
        refused[group] = refused.get(group, 0) + suppressed
        opened[group] = min(at.timestamp(), opened.get(group, math.inf))
    peak = found.aggregate(peak=Max("peak"))["peak"] or 0
    closed = found.filter(closed_at__isnull=False)
    still_open = found.count() - closed.count()
    return Storms(still_open, Counter(closed.values_list("closed_by", flat=True)), refused, opened, peak)


def most_at_once(env_id: UUID) -> dict[str, int]:
    """Return for each group how many rows lived at once at the most, by their own times.

    The time in the buffer is not in it, so this is no more than what was live; it has no gaps as looks have.
    """
    times: dict[str, list[tuple[datetime, int]]] = {}
    rows = Instance.objects.filter(env_id=env_id, event_type__isnull=False)
    for definition, type_, created_at, finished_at in rows.values_list(
        "definition", "event_type", "created_at", "finished_at"
    ):
        changes = times.setdefault(f"{definition} {type_}", [])
        changes.append((created_at, 1))
        if finished_at is not None:
            changes.append((finished_at, -1))
    return {group: highest(changes) for group, changes in times.items()}


def highest(changes: Iterable[tuple[datetime, int]]) -> int:
    """Return the highest level that the changes reach; of those at one moment the falls come first."""
    level = most = 0
    for _, change in sorted(changes):
        level += change
        most = max(most, level)
    return most


@dataclass(frozen=True, slots=True)
class Lives:
    """The instances of an environment that events started."""

    total: int
    unfinished: int
    failed: int
    from_outside: int
    looping: int
    deepest: int


def lives(env_id: UUID) -> Lives:
    rows = Instance.objects.filter(env_id=env_id, event_type__isnull=False)
    return Lives(
        total=rows.count(),
        unfinished=rows.filter(finished_at=None).count(),
        failed=rows.filter(~Q(status=Status.COMPLETED), finished_at__isnull=False).count(),
        from_outside=rows.filter(parent_id=None).count(),
        looping=rows.filter(chain__contains=[F("definition")]).count(),
        deepest=rows.aggregate(deepest=Max("depth"))["deepest"] or 0,
    )
