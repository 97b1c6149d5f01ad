"""B11: cancelling the backlog of a storm in batches, against one plain UPDATE of the same rows.

The table is what a real incident left: 138,508 pending rows of one definition, with ids in no order, as those of
event-sourced instances are, amid those of twenty others, of which one in ten waits too. Both sides set the same
columns; ours also writes an event to each log, keeps an audit record, and holds no row for longer than its batch.
"""

import time
from datetime import UTC, datetime

from django.db import connection

from bench import result, rounds
from bench.result import Result, Target
from bench.rounds import Clock
from workflows.audit import Act, Actor
from workflows.cleanup import acts, backlog
from workflows.cleanup.acts import Work
from workflows.cleanup.backlog import Selection
from workflows.cleanup.batches import Walk

ROUNDS = 3
ROWS, BACKLOG = 1_000_000, 138_508
STORM, REASON = "storm", "Cancelled by cleanup_event_storm"

# Of the stretch in which the storm came every second row is its own.
FILL = """
INSERT INTO workflows_instance (
    id, org_id, env_id, definition, version, status, source, shard, tags, metadata, idempotency_key, root_id, depth,
    accepted_at, created_at, started_at, finished_at, wake_at, epoch, takeovers, last_seq, last_event_at, log_bytes,
    event_type, event_key)
SELECT id, %(org)s, %(env)s, CASE WHEN storms THEN %(storm)s ELSE 'calm-' || n %% 20 END, 1,
    CASE WHEN waits THEN 'pending' ELSE 'completed' END, CASE WHEN storms THEN 'event' ELSE 'api' END, n %% 4, '{}',
    '{}', 'key-' || n, id, 0, at, at, CASE WHEN waits THEN NULL ELSE at END, CASE WHEN waits THEN NULL ELSE at END,
    CASE WHEN waits THEN at END, 0, 0, 1, at, 40,
    CASE WHEN storms THEN 'order.created' END, CASE WHEN storms THEN 'key-' || n END
FROM (
    SELECT n, at, storms, storms OR n %% 10 = 3 AS waits,
        CASE WHEN storms THEN md5(n::text) ELSE lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
            || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15) END::uuid AS id
    FROM (
        SELECT n, now() - interval '12 hours' + n * interval '40 ms' AS at,
            n > %(rows)s * 2 / 5 AND n <= %(rows)s * 2 / 5 + 2 * %(backlog)s AND n %% 2 = 0 AS storms
        FROM generate_series(1, %(rows)s) AS n
    ) AS placed
) AS made"""
FILL_EVENTS = """
INSERT INTO workflows_event (instance_id, seq, type, correlation_id, data, at)
SELECT id, 1, 'created', '', '{"payload":{"order":1}}', created_at FROM workflows_instance"""
PLAIN = """
UPDATE workflows_instance SET
    status = 'cancelled', error_code = 'cancelled', error_message = %s, wake_at = NULL, finished_at = now(),
    last_event_at = now(), last_seq = last_seq + 1, log_bytes = log_bytes + 80
WHERE definition = %s AND status IN ('pending', 'paused') AND finished_at IS NULL"""
UNDO = """
UPDATE workflows_instance SET
    status = 'pending', error_code = NULL, error_message = NULL, wake_at = accepted_at, finished_at = NULL,
    last_event_at = accepted_at, last_seq = 1, log_bytes = 40
WHERE definition = %s"""
TENANT = {"org": "00000000-0000-7000-8000-000000000001", "env": "00000000-0000-7000-8000-000000000002"}


def of_a_storm(clock: Clock) -> list[Result]:
    """B11: seconds of each, its cancelled events included in ours."""
    fill()
    samples = rounds.in_turn(clock, ROUNDS, in_batches, by_update)
    what = f"{BACKLOG:,} of {ROWS:,} rows cancelled with their events, against one UPDATE"
    return [result.make("B11", what, "s", samples, Target(1.2, at_least=False))]


def fill() -> None:
    """Make the table, as one that has been vacuumed since."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE workflows_instance, workflows_event, workflows_outbox")
        cursor.execute(FILL, {"rows": ROWS, "backlog": BACKLOG, "storm": STORM, **TENANT})
        cursor.execute(FILL_EVENTS)
        cursor.execute("ANALYZE workflows_event")
    assert count("definition = %s", STORM) == BACKLOG


def in_batches() -> float:
    """Cancel it as cleanup_event_storm does; return the seconds."""
    reset()
    act = Act(verb="cleanup_event_storm", actor=Actor("bench"), reason=REASON, filter={"workflow": [STORM]})
    selection = Selection(before=datetime.now(UTC), workflows=(STORM,))
    began = time.monotonic()
    done = acts.carry_out(
        act, lambda record: Work(backlog.cancel(selection, REASON, actor="bench", how=Walk(record=record)))
    )
    seconds = time.monotonic() - began
    assert done.work.tally.complete
    assert done.work.tally.done == count("status = %s", "cancelled") == BACKLOG
    return seconds


def by_update() -> float:
    reset()
    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(PLAIN, [REASON, STORM])
        updated = cursor.rowcount
    seconds = time.monotonic() - began
    assert updated == BACKLOG
    return seconds


def reset() -> None:
    """Have the storm back, nothing left to clean up of the round before, and everything written out."""
    with connection.cursor() as cursor:
        cursor.execute(UNDO, [STORM])
        cursor.execute("DELETE FROM workflows_event WHERE type = 'cancelled'")
        cursor.execute("VACUUM ANALYZE workflows_instance")
        cursor.execute("VACUUM workflows_event")
        cursor.execute("CHECKPOINT")


def count(condition: str, value: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM workflows_instance WHERE {condition}", [value])
        return int(cursor.fetchone()[0])
