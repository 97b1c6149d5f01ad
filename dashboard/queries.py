"""Every read of the operator pages: bounded, and shared by all viewers of a process."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from dashboard import engine, verdict
from dashboard.engine import ShardLine, StormLine
from dashboard.growth import Growth
from mollifier import conf, pages, stats
from mollifier.decision import Passed
from mollifier.entry import Entry
from mollifier.errors import BufferUnavailable
from workflows import snapshot as stored
from workflows.models import Environment, Organization, OrganizationFlags, RolloutMode
from workflows.search import as_uuid
from workflows.snapshot import SnapshotFromFuture, SnapshotInvalid

LIFETIME_SECONDS = 1.0
FAILED_OPEN_SECONDS = 60.0
SERIES_SECONDS = 900
SERIES_STEP_SECONDS = 5
ENTRIES_SHOWN = 100
CHOICES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class OrgLine:
    """An org that has buffered work. `share` is its depth against the deepest one's, in percent."""

    id: str
    name: str
    known: bool
    mode: str
    paused: bool
    queued: int
    oldest_seconds: float | None
    weight: float
    share: float


@dataclass(frozen=True, slots=True)
class Beat:
    """Some seconds of flow from `at` on: the depth at their end, what entered and left per second, its mean wait."""

    at: datetime
    depth: int
    in_per_second: float
    drained_per_second: float
    dwell_ms: float | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All the Overview shows, read at one time."""

    at: datetime
    flow: stats.Overview
    beats: tuple[Beat, ...]
    orgs: tuple[OrgLine, ...]
    shards: tuple[ShardLine, ...]
    unfinished: tuple[tuple[str, int], ...]
    storms: tuple[StormLine, ...]
    verdict: verdict.Verdict

    @property
    def seconds_to_empty(self) -> float | None:
        """How long the buffer needs at the present pace; None when it doesn't shrink."""
        pace = self.flow.drained_per_second - self.flow.in_per_second
        return self.flow.buffered / pace if self.flow.buffered and pace > 0 else None


class Shared:
    """The last snapshot, taken anew by the first viewer who finds it too old; the others wait for that one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = float("-inf")
        self._snapshot: Snapshot | None = None

    def get(self) -> Snapshot:
        with self._lock:
            if self._snapshot is None or time.monotonic() - self._taken >= LIFETIME_SECONDS:
                self._snapshot = take()
                self._taken = time.monotonic()
            return self._snapshot

    def forget(self) -> None:
        with self._lock:
            self._snapshot = None


shared = Shared()
failed_open = Growth(FAILED_OPEN_SECONDS)


def take() -> Snapshot:
    """Read everything now: 4 queries, and the mollifier's own reads, which never raise."""
    flow = stats.overview()
    shards = tuple(engine.read_shards())
    storms = tuple(engine.read_storms())
    now = datetime.now(UTC)
    return Snapshot(
        at=now,
        flow=flow,
        beats=tuple(read_beats()) if flow.available else (),
        orgs=tuple(name_orgs(flow.orgs)),
        shards=shards,
        unfinished=tuple(engine.count_unfinished()),
        storms=storms,
        verdict=verdict.judge(vital_signs(flow, now), [lane(shard) for shard in shards], len(storms)),
    )


def read_beats() -> list[Beat]:
    """Read the last quarter of an hour; empty when Redis went away since."""
    try:
        points = stats.series(SERIES_SECONDS, SERIES_STEP_SECONDS)
    except BufferUnavailable:
        return []
    return [
        Beat(
            at=point.at,
            depth=point.depth,
            in_per_second=point.entered / SERIES_STEP_SECONDS,
            drained_per_second=point.drained / SERIES_STEP_SECONDS,
            dwell_ms=point.dwell_ms,
        )
        for point in points
    ]


def vital_signs(flow: stats.Overview, now: datetime) -> verdict.Flow:
    return verdict.Flow(
        available=flow.available,
        waiting=flow.queued + flow.delayed + flow.leased,
        failed=flow.failed,
        oldest_seconds=flow.claimable_age_seconds,
        aside=flow.paused + flow.full,
        since_claim_seconds=since(flow.drainer_last_claim_at, now),
        since_beat_seconds=since(flow.drainer_last_beat_at, now),
        stale=flow.stale,
        since_sweep_seconds=since(flow.sweep_last_cycle_at, now),
        sweep_late_seconds=stats.CYCLES_LATE * conf.current().sweep_interval_seconds,
        failed_open=count_failed_open() if flow.available else 0,
    )


def since(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else (now - moment).total_seconds()


def count_failed_open() -> int:
    """Count those of the last minute that passed because Redis gave the gate no answer; 0 when it gives none now."""
    try:
        total = stats.decisions().get(("passed", Passed.FAIL_OPEN.value), 0)
    except BufferUnavailable:
        return 0
    return failed_open.add(time.monotonic(), total)


def lane(shard: ShardLine) -> verdict.Lane:
    return verdict.Lane(shard.index, shard.alive, shard.max_parallelism == 0, shard.ready, shard.lag_seconds)


def name_orgs(depths: Sequence[stats.OrgDepth]) -> list[OrgLine]:
    """Put names and modes to the ids that the mollifier knows; 1 query."""
    ids = [id_ for depth in depths if (id_ := as_uuid(depth.org))]
    flags = {str(row.pk): row for row in Organization.objects.select_related("flags").filter(pk__in=ids)} if ids else {}
    deepest = max((depth.queued for depth in depths), default=0)
    return [
        OrgLine(
            id=depth.org,
            name=flags[depth.org].slug if depth.org in flags else depth.org,
            known=depth.org in flags,
            mode=mode_of(flags.get(depth.org)),
            paused=is_paused(flags.get(depth.org)),
            queued=depth.queued,
            oldest_seconds=depth.oldest_age_seconds,
            weight=depth.weight,
            share=100 * depth.queued / deepest if deepest else 0,
        )
        for depth in depths
    ]


def mode_of(org: Organization | None) -> str:
    flags: OrganizationFlags | None = getattr(org, "flags", None)
    return RolloutMode.OFF.value if flags is None else flags.mode


def is_paused(org: Organization | None) -> bool:
    flags: OrganizationFlags | None = getattr(org, "flags", None)
    return flags is not None and flags.paused


@dataclass(frozen=True, slots=True)
class EntryLine:
    """A buffered trigger as the Buffer page shows it."""

    id: UUID
    org: str
    org_id: str
    env: str
    env_id: str
    definition: str
    state: str
    reason: str
    accepted_at: datetime
    waiting_seconds: float
    attempts: int
    error: str | None
    cancelled: bool


def read_entries(org: str | None = None) -> list[EntryLine]:
    """Read the oldest entries, at most ENTRIES_SHOWN, with names; 1 query and the buffer's own read.

    Raises:
        mollifier.errors.BufferUnavailable: Redis does not answer.
    """
    entries = pages.oldest(ENTRIES_SHOWN, org)
    ids = {id_ for entry in entries if (id_ := as_uuid(entry.scope.env))}
    envs = {str(env.pk): env for env in Environment.objects.select_related("org").filter(pk__in=ids)} if ids else {}
    now = datetime.now(UTC)
    return [entry_line(entry, envs.get(entry.scope.env), now) for entry in entries]


@dataclass(frozen=True, slots=True)
class Choice:
    """An org to see alone; `queued` is None where all that is known of it are entries that are not queued."""

    id: str
    name: str
    queued: int | None


def choices(orgs: Sequence[OrgLine], entries: Sequence[EntryLine]) -> list[Choice]:
    """Return the deepest orgs, then those that have only dead letters and the like among the entries."""
    deepest = {line.id: Choice(line.id, line.name, line.queued) for line in orgs[:CHOICES_SHOWN]}
    queued = {line.id for line in orgs}
    others = {line.org_id: Choice(line.org_id, line.org, None) for line in entries if line.org_id not in queued}
    return [*deepest.values(), *list(others.values())[:CHOICES_SHOWN]]


def slug_of(org: str | None) -> str:
    """Return the slug of an org; empty where there is none."""
    return Organization.objects.filter(pk=org).values_list("slug", flat=True).first() or "" if org else ""


def entry_line(entry: Entry, env: Environment | None, now: datetime) -> EntryLine:
    return EntryLine(
        id=entry.id,
        org=env.org.slug if env else entry.scope.org,
        org_id=entry.scope.org,
        env=env.slug if env else entry.scope.env,
        env_id=entry.scope.env,
        definition=definition_of(entry),
        state=entry.state.value,
        reason=entry.reason.value,
        accepted_at=entry.accepted_at,
        waiting_seconds=(now - entry.accepted_at).total_seconds(),
        attempts=entry.attempts,
        error=entry.error,
        cancelled=entry.cancel_reason is not None,
    )


def definition_of(entry: Entry) -> str:
    try:
        return stored.decode(entry.snapshot).definition
    except (SnapshotInvalid, SnapshotFromFuture):
        return "unreadable"
