"""What an operator should think of the numbers: pure rules over one snapshot.

Three questions are judged apart, because each has its own cause and its own remedy: does the buffer flow, does the
engine execute, is somebody there to do it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

# An entry may wait this long before the flow counts as degraded, and this long without a claim before it fails.
OLDEST_DEGRADED_SECONDS = 60.0
CLAIM_SILENCE_SECONDS = 10.0
LAG_DEGRADED_SECONDS = 10.0
# What to do about work that waits since nobody is there to do it.
UNSERVED = "See Liveness first"
# Where the remedy is, by the names of pages.
BUFFER, SHARDS, STORMS = "dashboard:buffer", "admin:workflows_shard_changelist", "admin:workflows_storm_changelist"


class Level(StrEnum):
    """From best to worst; unknown means that nobody could look."""

    OK = "ok"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    FAILING = "failing"


SEVERITY = list(Level)


@dataclass(frozen=True, slots=True)
class Finding:
    """One question's answer: what was seen, what to do about it, at which page, and the runbook; empty when nothing."""

    question: str
    level: Level
    cause: str
    action: str = ""
    runbook: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The worst finding speaks for all."""

    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        return self.worst.level

    @property
    def worst(self) -> Finding:
        return max(self.findings, key=lambda finding: SEVERITY.index(finding.level))


@dataclass(frozen=True, slots=True)
class Flow:
    """The buffer's vital signs; ages in seconds, None where there is nothing to measure.

    The beat is the drainer's; the sweep is late when its last cycle ended longer ago than `sweep_late_seconds`.
    `oldest_seconds` is of what may be claimed; `aside` counts the orgs and environments that are paused or at a cap.
    `failed_open` counts the triggers of the last minute that passed because Redis answered the gate too late.
    """

    available: bool
    waiting: int
    failed: int
    oldest_seconds: float | None
    since_claim_seconds: float | None
    aside: int = 0
    failed_open: int = 0
    since_beat_seconds: float | None = None
    stale: int = 0
    since_sweep_seconds: float | None = None
    sweep_late_seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class Lane:
    """One shard's vital signs."""

    index: int
    alive: bool
    paused: bool
    ready: int
    lag_seconds: float | None


def judge(flow: Flow, lanes: Sequence[Lane], storms: int = 0) -> Verdict:
    """Judge what was read; `storms` are the event storms that are open."""
    return Verdict((judge_flow(flow), judge_execution(lanes, storms), judge_liveness(flow, lanes)))


def judge_flow(flow: Flow) -> Finding:
    if not flow.available:
        return Finding(
            "Flow",
            Level.FAILING,
            "Redis does not answer: the gate fails open and triggers start directly",
            "Check the Redis server; buffered entries are safe where they are",
            "MollifierRedisDown",
        )
    if flow.failed_open:
        return Finding(
            "Flow",
            Level.DEGRADED,
            f"The gate failed open for {flow.failed_open:,} within a minute: they started directly",
            "Redis answers too late: look at its load, and at the web processes'",
            "MollifierFailOpen",
        )
    if flow.failed:
        return Finding(
            "Flow",
            Level.DEGRADED,
            f"{flow.failed:,} dead {'letter' if flow.failed == 1 else 'letters'} in the buffer",
            "Open Buffer and read their errors",
            "MollifierDeadLetters",
            BUFFER,
        )
    waits = judge_waits(flow)
    if waits:
        return waits
    if flow.waiting:
        return Finding("Flow", Level.OK, f"{flow.waiting:,} buffered{draining(flow)}")
    return Finding("Flow", Level.OK, "The buffer is empty")


def judge_waits(flow: Flow) -> Finding | None:
    """Tell whether entries wait too long; None while they don't."""
    if flow.stale:
        return Finding(
            "Flow",
            Level.DEGRADED,
            f"{flow.stale:,} {'entry is' if flow.stale == 1 else 'entries are'} stale",
            "bin/manage mollifier_sweep --once names the environments that wait longest",
            "MollifierStale",
            BUFFER,
        )
    if flow.oldest_seconds is not None and flow.oldest_seconds > OLDEST_DEGRADED_SECONDS:
        return Finding(
            "Flow",
            Level.DEGRADED,
            f"The oldest entry has waited {spoken(flow.oldest_seconds)}",
            UNSERVED if judge_drainer(flow) else "Look at the database's load, or add a drainer",
            "MollifierOldestTooOld",
            BUFFER,
        )
    return None


def draining(flow: Flow) -> str:
    """Say that it drains, or that some of it stands aside."""
    if not flow.aside:
        return " and draining"
    return f"; {flow.aside:,} {'stands' if flow.aside == 1 else 'stand'} aside, paused or at a cap"


def judge_execution(lanes: Sequence[Lane], storms: int) -> Finding:
    if not lanes:
        return Finding(
            "Execution", Level.UNKNOWN, "No pump has ever run", "Start the pump cluster", "WorkflowsShardUnowned"
        )
    paused = [lane for lane in lanes if lane.paused and lane.ready]
    if paused:
        return Finding(
            "Execution",
            Level.DEGRADED,
            f"{named(paused)} paused with work waiting",
            "Give it a parallelism above 0 to resume",
            "WorkflowsShardLag",
            SHARDS,
        )
    late = [lane for lane in lanes if (lane.lag_seconds or 0) > LAG_DEGRADED_SECONDS]
    if late:
        lag = max(lane.lag_seconds or 0 for lane in late)
        return Finding(
            "Execution",
            Level.DEGRADED,
            f"{named(late)} {spoken(lag)} behind",
            "See Shards: more parallelism, or a slow step" if any(lane.alive for lane in late) else UNSERVED,
            "WorkflowsShardLag",
            SHARDS,
        )
    if storms:
        return Finding(
            "Execution",
            Level.DEGRADED,
            "An event storm is open: what feeds it is refused" if storms == 1 else f"{storms} event storms are open",
            "Open Storms: find what starts itself, and switch its binding off",
            "WorkflowsStormOpen",
            STORMS,
        )
    return Finding("Execution", Level.OK, "Ready instances are picked up at once")


def judge_liveness(flow: Flow, lanes: Sequence[Lane]) -> Finding:
    undrained = judge_drainer(flow)
    if undrained and undrained.level is Level.FAILING:
        return undrained
    dead = [lane for lane in lanes if not lane.alive]
    if any(lane.ready for lane in dead):
        return Finding(
            "Liveness",
            Level.FAILING,
            f"{named(dead)} without a pump",
            "Start the cluster, or bin/manage workflow_pump",
            "WorkflowsShardUnowned",
            SHARDS,
        )
    if dead:
        return Finding(
            "Liveness",
            Level.DEGRADED,
            f"{named(dead)} without a pump",
            "The next heal restarts it within a minute",
            "WorkflowsShardUnowned",
            SHARDS,
        )
    late = undrained or judge_sweep(flow)
    if late:
        return late
    if not flow.available or not lanes:
        return Finding("Liveness", Level.UNKNOWN, "Nothing reports in")
    return Finding("Liveness", Level.OK, "Every pump reports in")


def judge_drainer(flow: Flow) -> Finding | None:
    """Tell whether work that waits is asked for; None while it is."""
    silent = flow.since_claim_seconds is None or flow.since_claim_seconds > CLAIM_SILENCE_SECONDS
    overdue = flow.waiting and (flow.oldest_seconds or 0) > CLAIM_SILENCE_SECONDS
    if not (flow.available and overdue and silent):
        return None
    if flow.since_beat_seconds is not None and flow.since_beat_seconds <= CLAIM_SILENCE_SECONDS:
        return Finding(
            "Liveness",
            Level.DEGRADED,
            "A drainer leads and takes nothing: all its claims are in work",
            "Look at the database's load, and at the drainer's log",
            "MollifierClaimsStuck",
        )
    return Finding(
        "Liveness",
        Level.FAILING,
        "Nobody drains the buffer",
        "Start the cluster, or bin/manage mollifier_drain",
        "MollifierDrainerSilent",
    )


def judge_sweep(flow: Flow) -> Finding | None:
    """Tell whether the sweep comes round in time; None while it does, and before it has done so once."""
    since = flow.since_sweep_seconds
    if not flow.available or since is None or since <= flow.sweep_late_seconds:
        return None
    return Finding(
        "Liveness",
        Level.DEGRADED,
        f"The sweep has not come round for {spoken(since)}",
        "Look at the cluster's schedules, or run bin/manage mollifier_sweep",
        "MollifierSweepSilent",
    )


def spoken(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"


def named(lanes: Sequence[Lane]) -> str:
    """Name shards in a sentence: Shard 2 is, Shards 0, 1 are."""
    numbers = ", ".join(str(lane.index) for lane in lanes)
    return f"Shard {numbers} is" if len(lanes) == 1 else f"Shards {numbers} are"
