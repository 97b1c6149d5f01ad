"""Reads of the engine's tables for the Overview: each from the head of a partial index, none counts to its end."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from workflows import shards
from workflows.shards import ShardLine
from workflows.states import Status

__all__ = ["COUNT_CAP", "STORMS_SHOWN", "ShardLine", "StormLine", "count_unfinished", "read_shards", "read_storms"]

COUNT_CAP = 10_000


def read_shards() -> list[ShardLine]:
    """Read every lane with its depth and lag; 1 query."""
    return shards.read(COUNT_CAP)


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


@dataclass(frozen=True, slots=True)
class StormLine:
    """An open event storm: what is refused, how much so far, and the largest backlog it had."""

    id: int
    org: str
    env: str
    event_type: str
    definition: str
    suppressed: int
    peak: int
    limit: int
    opened_at: datetime


STORMS_SHOWN = 6
READ_STORMS = """
SELECT s.id, org.slug, env.slug, s.event_type, s.definition, s.suppressed, s.peak, s."limit", s.opened_at
FROM workflows_storm s
JOIN workflows_organization org ON org.id = s.org_id JOIN workflows_environment env ON env.id = s.env_id
WHERE s.closed_at IS NULL ORDER BY s.last_at DESC LIMIT %s"""


def read_storms() -> list[StormLine]:
    """Read the open storms, the latest first, and one more than are shown; 1 query."""
    with connection.cursor() as cursor:
        cursor.execute(READ_STORMS, [STORMS_SHOWN + 1])
        return [StormLine(*row) for row in cursor.fetchall()]


def count_unfinished() -> list[tuple[str, int]]:
    """Count what is alive by status, each no further than COUNT_CAP + 1; 1 query."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_UNFINISHED, {"statuses": list(UNFINISHED), "limit": COUNT_CAP + 1})
        return [(status, total) for status, total in cursor.fetchall()]
