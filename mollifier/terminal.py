"""The buffer as lines of text: what `backlog` prints once, and what it keeps drawing."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mollifier.stats import OrgDepth, Overview

BARS = "▁▂▃▄▅▆▇█"
# How far back the line of depths goes.
DEPTHS_KEPT = 60
# A drainer may be silent so long, though it comes for what waits within the second; entries may wait so long.
SILENT_SECONDS, COMING_SECONDS = 60.0, 10.0
OLDEST_SECONDS = 60.0
SWEEP_SECONDS = 900.0
COLUMNS = f"  {'org':<36}  {'queued':>9}  {'change/s':>9}  {'oldest':>9}  {'weight':>6}"


class Level(StrEnum):
    """From best to worst."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to think of the buffer, and why."""

    level: Level
    why: str

    def __str__(self) -> str:
        return f"{self.level.value}: {self.why}"


def judge(overview: Overview, now: datetime) -> Verdict:
    """Name the worst of what is wrong."""
    if not overview.available:
        return Verdict(Level.FAILING, "Redis does not answer; triggers start directly")
    waiting = overview.queued + overview.delayed + overview.leased
    if waiting and _overdue(overview) and silence(overview.drainer_last_beat_at, now) > SILENT_SECONDS:
        return Verdict(Level.FAILING, "nobody drains; start the cluster, or bin/manage mollifier_drain")
    found = _degraded(overview, silence(overview.sweep_last_cycle_at, now))
    if found is not None:
        return Verdict(Level.DEGRADED, found)
    return Verdict(Level.OK, f"{overview.buffered:,} buffered and draining" if waiting else "nothing waits")


def _overdue(overview: Overview) -> bool:
    """Tell whether a drainer had time to come for what waits."""
    return overview.oldest_age_seconds is None or overview.oldest_age_seconds > COMING_SECONDS


def _degraded(overview: Overview, since_sweep: float) -> str | None:
    if overview.failed:
        return f"{overview.failed:,} dead letters; redrive or discard them on the Buffer page"
    if overview.stale:
        return f"{overview.stale:,} stale; bin/manage mollifier_sweep --once tells where"
    if (overview.oldest_age_seconds or 0) > OLDEST_SECONDS:
        return f"the oldest has waited {spoken(overview.oldest_age_seconds)}"
    if overview.orphaned:
        return f"{overview.orphaned:,} ids without an entry; something removed keys from Redis"
    if SWEEP_SECONDS < since_sweep < math.inf:
        return f"the sweep has not come round for {spoken(since_sweep)}"
    return None


def silence(since: datetime | None, now: datetime) -> float:
    return math.inf if since is None else (now - since).total_seconds()


@dataclass(slots=True)
class Twin:
    """What is drawn anew: it remembers depths, and what each org had the last time."""

    depths: deque[int] = field(default_factory=lambda: deque(maxlen=DEPTHS_KEPT))
    queued: dict[str, int] = field(default_factory=dict)
    drawn_at: datetime | None = None

    def draw(self, overview: Overview, orgs: Sequence[OrgDepth], now: datetime) -> list[str]:
        """Return the lines of this moment; an org's change is since the last time."""
        elapsed = (now - self.drawn_at).total_seconds() if self.drawn_at else 0.0
        rows = [self._row(org, elapsed) for org in sorted(orgs, key=lambda org: -org.queued)]
        if overview.available:
            self.depths.append(overview.buffered)
            self.queued = {org.org: org.queued for org in orgs}
            self.drawn_at = now
        lines = [str(judge(overview, now)), *summary(overview), f"depth {sparkline(self.depths)}"]
        return [*lines, COLUMNS, *rows] if rows else lines

    def _row(self, org: OrgDepth, elapsed: float) -> str:
        change = "-"
        if elapsed > 0 and self.depths:
            change = f"{(org.queued - self.queued.get(org.org, 0)) / elapsed:+.1f}"
        oldest = spoken(org.oldest_age_seconds)
        return f"  {org.org:<36}  {org.queued:>9,}  {change:>9}  {oldest:>9}  {org.weight:>6g}"


def summary(overview: Overview) -> list[str]:
    states = ("queued", "delayed", "leased", "failed")
    counts = ", ".join(f"{getattr(overview, state)} {state}" for state in states)
    oldest, flow = spoken(overview.oldest_age_seconds), (overview.in_per_second, overview.drained_per_second)
    return [
        f"buffered {overview.buffered} ({counts}), {overview.bytes} bytes, oldest {oldest}, {overview.stale} stale",
        "in {:.1f}/s, drained {:.1f}/s".format(*flow),
    ]


def org_line(org: OrgDepth) -> str:
    return f"  {org.org}  {org.queued} queued, oldest {spoken(org.oldest_age_seconds)}, weight {org.weight:g}"


def spoken(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"


def sparkline(depths: Sequence[int] | deque[int]) -> str:
    """Draw depths as bars; the largest is full."""
    most = max(depths, default=0) or 1
    return "".join(BARS[depth * (len(BARS) - 1) // most] for depth in depths)


def fitted(lines: Sequence[str], columns: int, rows: int) -> list[str]:
    """Cut lines to a screen; the last of it tells how many did not fit."""
    shown = [line[:columns] for line in lines]
    if len(shown) <= rows:
        return shown
    return [*shown[: rows - 1], f"  and {len(shown) - rows + 1} more"[:columns]]
