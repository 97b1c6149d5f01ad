"""Submits what instances emitted: one trigger for each matching binding, then the row is gone."""

from workflows import eventlog

# No binding can exist yet, so nothing matches and a row is settled by taking it.
TAKE = """
WITH oldest AS (
    SELECT id FROM workflows_outbox ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), settled AS (
    DELETE FROM workflows_outbox o USING oldest WHERE o.id = oldest.id RETURNING o.id
)
SELECT count(*) FROM settled"""


def deliver(limit: int) -> int:
    """Settle up to `limit` rows, oldest first; return how many. Several callers at once share the work."""
    return int(eventlog.execute(TAKE, {"limit": limit})[0][0])
