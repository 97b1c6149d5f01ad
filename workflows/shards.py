"""The shards as operators see and steer them: depth, lag and skew of each, and how many steps it runs at once.

An instance whose stored index is no shard (SHARDS was lowered, or the row is damaged) reads as of shard 0.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from workflows import audit, conf
from workflows.audit import Act, Actor
from workflows.models import AuditRecord, Shard

DEFAULT_PARALLELISM = 200
MAX_PARALLELISM = 10_000
PAUSE, RESUME, SET = "pause_shard", "resume_shard", "set_shard_parallelism"

# Each part is the head of a range of a partial index; those of no shard are looked at for shard 0 alone.
READ = """
SELECT lane.index, lane.owner, lane.epoch, coalesce(lane.deadline > clock_timestamp(), false), lane.deadline,
       lane.max_parallelism, ready.total, running.total, extract(epoch FROM clock_timestamp() - soonest.wake_at)::float
FROM workflows_shard AS lane
CROSS JOIN LATERAL (
    SELECT count(*) AS total FROM (
        (SELECT 1 FROM workflows_instance WHERE shard = lane.index AND wake_at <= statement_timestamp() LIMIT %(limit)s)
        UNION ALL
        (SELECT 1 FROM workflows_instance
         WHERE lane.index = 0 AND shard < 0 AND wake_at <= statement_timestamp() LIMIT %(limit)s)
        UNION ALL
        (SELECT 1 FROM workflows_instance
         WHERE lane.index = 0 AND shard >= %(shards)s AND wake_at <= statement_timestamp() LIMIT %(limit)s)
        LIMIT %(limit)s
    ) AS head
) AS ready
CROSS JOIN LATERAL (
    SELECT count(*) AS total FROM (
        (SELECT 1 FROM workflows_instance WHERE shard = lane.index AND status = 'running' LIMIT %(limit)s)
        UNION ALL
        (SELECT 1 FROM workflows_instance
         WHERE lane.index = 0 AND shard < 0 AND status = 'running' LIMIT %(limit)s)
        UNION ALL
        (SELECT 1 FROM workflows_instance
         WHERE lane.index = 0 AND shard >= %(shards)s AND status = 'running' LIMIT %(limit)s)
        LIMIT %(limit)s
    ) AS head
) AS running
CROSS JOIN LATERAL (
    SELECT min(wake_at) AS wake_at FROM (
        (SELECT wake_at FROM workflows_instance
         WHERE shard = lane.index AND wake_at <= statement_timestamp() ORDER BY wake_at LIMIT 1)
        UNION ALL
        (SELECT wake_at FROM workflows_instance
         WHERE lane.index = 0 AND shard < 0 AND wake_at <= statement_timestamp() LIMIT %(limit)s)
        UNION ALL
        (SELECT wake_at FROM workflows_instance
         WHERE lane.index = 0 AND shard >= %(shards)s AND wake_at <= statement_timestamp() LIMIT %(limit)s)
    ) AS heads
) AS soonest
WHERE lane.index < %(shards)s
ORDER BY lane.index"""


@dataclass(frozen=True, slots=True)
class ShardLine:
    """A lane of the engine. `ready` and `running` are counted up to the cap, and one more where there are more."""

    index: int
    owner: str
    epoch: int
    alive: bool
    deadline: datetime | None
    max_parallelism: int
    ready: int
    running: int
    lag_seconds: float | None

    @property
    def paused(self) -> bool:
        return self.max_parallelism == 0

    @property
    def load(self) -> int:
        """What it has to do now."""
        return self.ready + self.running


@dataclass(frozen=True, slots=True)
class Skewed:
    """A lane against the others: its part of all there is to do in percent, and that against the mean (1.0: even)."""

    line: ShardLine
    percent: float
    against_mean: float


@dataclass(frozen=True, slots=True)
class ShardNotFound:
    """No pump has ever run this shard, so there is nothing to set."""


def read(cap: int) -> list[ShardLine]:
    """Read every lane with its depth and lag, each from the heads of partial indexes; 1 query."""
    with connection.cursor() as cursor:
        cursor.execute(READ, {"limit": cap + 1, "shards": conf.current().shards})
        return [ShardLine(*row) for row in cursor.fetchall()]


def skew(lines: list[ShardLine]) -> list[Skewed]:
    """Set each lane's load against the mean of all."""
    total = sum(line.load for line in lines)
    return [
        Skewed(line, 100 * line.load / total if total else 0, line.load * len(lines) / total if total else 1)
        for line in lines
    ]


def set_parallelism(index: int, value: int, *, actor: Actor, reason: str) -> int | ShardNotFound:
    """Say how many steps a shard runs at once, and record who did; 0 pauses it. Returns what it was.

    Its pump has it with its next heartbeat. Running steps end; what waits keeps its place.
    """
    with transaction.atomic():
        shard = Shard.objects.select_for_update().filter(index=index).first()
        if shard is None:
            return ShardNotFound()
        before = shard.max_parallelism
        if before != value:
            Shard.objects.filter(index=index).update(max_parallelism=value)
            act = Act(verb=_verb(before, value), actor=actor, reason=reason, filter={"shard": index}, target=str(shard))
            audit.note(act, before=before, after=value)
        return before


def before_pause(index: int) -> int:
    """Return how many steps a shard ran at once before it was paused last."""
    record = AuditRecord.objects.filter(verb=PAUSE, filter={"shard": index}).order_by("-id").first()
    return int(record.detail.get("before", 0)) or DEFAULT_PARALLELISM if record else DEFAULT_PARALLELISM


def _verb(before: int, after: int) -> str:
    if after == 0:
        return PAUSE
    return RESUME if before == 0 else SET
