"""What a rollout is judged by: shared counters since a step began, and what is stale now."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mollifier import stats, tally
from mollifier.errors import BufferUnavailable

SETTLED, FAILED = "drain:settled", ("drain:failed", "drain:requeued")
FAILED_OPEN = "gate:passed:fail_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrails:
    """How much is too much, since a step began: of everybody, as the drainer and Redis are everybody's.

    Drain failures are dead letters and attempts that failed, not what an outage or a stop gives back. `stale` is how
    many more wait too long than did then, the share of decisions that failed open is in percent.
    """

    max_drain_failures: int = 100
    max_dwell_p95_ms: int = 30_000
    max_stale: int = 0
    max_fail_open_percent: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Counters at one moment; kept as the baseline of a step, as JSON."""

    drain_failures: int = 0
    decisions: int = 0
    failed_open: int = 0
    stale: int = 0
    dwell: tuple[int, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What came since the baseline, and which guardrails it broke, in words."""

    drain_failures: int
    dwell_p95_ms: float | None
    stale: int
    fail_open_percent: float
    decisions: int
    breaches: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "breaches"}


def measure() -> Measures | None:
    """Read the counters; None when Redis does not answer, and nothing can be said."""
    try:
        counters = stats.counters()
    except BufferUnavailable:
        return None
    overview = stats.overview()
    if not overview.available:
        return None
    bounds = [*(str(bound) for bound in tally.WAIT_BOUNDS_MS), "inf"]
    return Measures(
        drain_failures=sum(counters.get(name, 0) for name in FAILED),
        decisions=sum(count for name, count in counters.items() if name.startswith("gate:")),
        failed_open=counters.get(FAILED_OPEN, 0),
        stale=overview.stale,
        dwell=tuple(counters.get(f"dwell:{bound}", 0) for bound in bounds),
    )


def judge(rails: Guardrails, baseline: Mapping[str, Any], now: Measures) -> Judged:
    """Compare; counters that began anew since, as Redis lost them, count from nothing."""
    then = Measures(**{**baseline, "dwell": tuple(baseline.get("dwell", ()))})
    if now.decisions < then.decisions or now.drain_failures < then.drain_failures:
        then = Measures()
    dwell_then = then.dwell or (0,) * len(now.dwell)
    decisions = now.decisions - then.decisions
    failed_open = max(0, now.failed_open - then.failed_open)
    found = Judged(
        drain_failures=now.drain_failures - then.drain_failures,
        dwell_p95_ms=tally.quantile([max(0, a - b) for a, b in zip(now.dwell, dwell_then, strict=True)], 0.95),
        stale=max(0, now.stale - then.stale),
        fail_open_percent=100 * failed_open / decisions if decisions else 0.0,
        decisions=decisions,
    )
    return Judged(**found.as_json(), breaches=tuple(_breaches(rails, found)))


def _breaches(rails: Guardrails, found: Judged) -> list[str]:
    pairs = (
        ("drain failures", found.drain_failures, rails.max_drain_failures, ""),
        ("dwell p95", found.dwell_p95_ms or 0.0, rails.max_dwell_p95_ms, " ms"),
        ("stale entries", found.stale, rails.max_stale, ""),
        ("failed open", found.fail_open_percent, rails.max_fail_open_percent, " %"),
    )
    return [f"{name} {value:g}{unit}, at most {most:g}{unit}" for name, value, most, unit in pairs if value > most]
