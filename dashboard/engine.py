"""Reads of the engine's tables for the Overview: each from the head of a partial index, none counts to its end."""

from dataclasses import dataclass

from django.db import connection

from workflows.states import Status

COUNT_CAP = 10_000


@dataclass(frozen=True, slots=True)
class ShardLine:
    """A lane of the engine; `ready` and `running` are counted up to COUNT_CAP + 1."""

    index: int
    owner: str
    epoch: int
    alive: bool
    max_parallelism: int
    ready: int
    running: int
    lag_seconds: float | None


READ_SHARDS = """
SELECT lane.index, lane.owner, lane.epoch, coalesce(lane.deadline > clock_timestamp(), false),
       lane.max_parallelism, ready.total, running.total,
       extract(epoch FROM clock_timestamp() - soonest.wake_at)::float
FROM workflows_shard AS lane
CROSS JOIN LATERAL (
    SELECT count(*) AS total FROM (
        SELECT 1 FROM workflows_instance
        WHERE shard = lane.index AND wake_at IS NOT NULL AND wake_at <= now() LIMIT %(limit)s
    ) AS head
) AS ready
CROSS JOIN LATERAL (
    SELECT count(*) AS total FROM (
        SELECT 1 FROM workflows_instance WHERE shard = lane.index AND status = 'running' LIMIT %(limit)s
    ) AS head
) AS running
LEFT JOIN LATERAL (
    SELECT wake_at FROM workflows_instance
    WHERE shard = lane.index AND wake_at IS NOT NULL AND wake_at <= now() ORDER BY wake_at LIMIT 1
) AS soonest ON true
ORDER BY lane.index
"""


def read_shards() -> list[ShardLine]:
    """Read every lane with its depth and lag, each from the head of a partial index; 1 query."""
    with connection.cursor() as cursor:
        cursor.execute(READ_SHARDS, {"limit": COUNT_CAP + 1})
        return [ShardLine(*row) for row in cursor.fetchall()]


UNFINISHED = (Status.PENDING.value, Status.RUNNING.value, Status.WAITING.value, Status.PAUSED.value)
COUNT_UNFINISHED = """
SELECT wanted.status, each.total
FROM unnest(%(statuses)s::text[]) WITH ORDINALITY AS wanted(status, place)
CROSS JOIN LATERAL (
    SELECT count(*) AS total FROM (
        SELECT 1 FROM workflows_instance
        WHERE status = wanted.status AND finished_at IS NULL LIMIT %(limit)s
    ) AS head
) AS each
ORDER BY wanted.place
"""


def count_unfinished() -> list[tuple[str, int]]:
    """Count what is alive by status, each no further than COUNT_CAP + 1; 1 query."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_UNFINISHED, {"statuses": list(UNFINISHED), "limit": COUNT_CAP + 1})
        return [(status, total) for status, total in cursor.fetchall()]
