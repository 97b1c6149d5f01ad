"""Reads of the engine's tables for the Overview: each from the head of a partial index, none counts to its end."""

from django.db import connection

from workflows import shards
from workflows.shards import ShardLine
from workflows.states import Status

__all__ = ["COUNT_CAP", "ShardLine", "count_unfinished", "read_shards"]

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


def count_unfinished() -> list[tuple[str, int]]:
    """Count what is alive by status, each no further than COUNT_CAP + 1; 1 query."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_UNFINISHED, {"statuses": list(UNFINISHED), "limit": COUNT_CAP + 1})
        return [(status, total) for status, total in cursor.fetchall()]
