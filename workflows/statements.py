"""The statement that appends, in the shapes it takes: it checks the fences, advances the rows and inserts the events.

What the outside sees of operations is written with their events: hooks are claimed and let go, emitted events go to
the outbox. A group without any of that is spared the parts of it.
"""

from functools import cache
from typing import Literal, LiteralString

# Arrays travel as joined text: one parameter each, and no per-item work in the driver.
APPEND: LiteralString = r"""
WITH input AS MATERIALIZED (
    SELECT * FROM unnest(
        string_to_array(%(id)s, E'\x1f')::uuid[],
        string_to_array(%(tail)s, E'\x1f', '')::int[],
        string_to_array(%(epoch)s, E'\x1f', '')::bigint[],
        string_to_array(%(size)s, E'\x1f')::int[],
        string_to_array(%(bytes)s, E'\x1f')::int[],
        string_to_array(%(status)s, E'\x1f', ''),
        string_to_array(%(finishes)s, E'\x1f')::boolean[],
        string_to_array(%(wake_at)s, E'\x1f', '')::timestamptz[],
        string_to_array(%(own)s, E'\x1f', '')::bigint[],
        string_to_array(%(error_code)s, E'\x1f', ''),
        string_to_array(%(error_message)s, E'\x1f', ''),
        string_to_array(%(wakes)s, E'\x1f')::boolean[]
    ) WITH ORDINALITY AS i (
        id, tail, epoch, size, bytes, status, finishes, wake_at, own, error_code, error_message, wakes, position
    )
), locked AS MATERIALIZED (
    SELECT id, last_seq, epoch, status, finished_at, last_event_at, log_bytes, org_id, env_id, definition,
        CASE WHEN source = 'child' THEN parent_id END AS parent_id
    FROM workflows_instance WHERE id = ANY (string_to_array(%(id)s, E'\x1f')::uuid[])
    ORDER BY id FOR NO KEY UPDATE {lock}
), judged AS MATERIALIZED (
    SELECT i.*, l.last_seq, l.epoch AS owner, l.status AS old_status, l.org_id, l.env_id, l.definition, l.parent_id,
        greatest(clock_timestamp(), l.last_event_at) AS at,
        CASE
            WHEN l.finished_at IS NOT NULL THEN 'finished'
            WHEN i.epoch <> l.epoch THEN 'lost_ownership'
            WHEN i.tail <> l.last_seq THEN 'conflict'
            -- A pump may end a paused instance, but neither put it to sleep nor wake it.
            WHEN l.status = 'paused' AND i.epoch IS NOT NULL AND NOT i.finishes AND i.status IS NOT NULL THEN 'conflict'
            WHEN NOT i.finishes AND (l.last_seq + i.size > %(max_events)s OR l.log_bytes + i.bytes > %(max_bytes)s)
                THEN 'log_full'
            ELSE 'appended'
        END AS outcome
    FROM locked l JOIN input i ON i.id = l.id
), events AS {materialized} (
    SELECT j.id, j.position, j.org_id, j.env_id, j.at, j.last_seq + e.ordinal AS seq, e.type,
        coalesce(e.correlation_id, '') AS correlation_id, e.data::json AS data
    FROM unnest(
        string_to_array(%(of)s, E'\x1f')::int[],
        string_to_array(%(ordinal)s, E'\x1f')::int[],
        string_to_array(%(type)s, E'\x1f'),
        string_to_array(%(correlation_id)s, E'\x1f', ''),
        string_to_array(%(data)s, E'\x1f')
    ) AS e (position, ordinal, type, correlation_id, data)
    JOIN judged j ON j.position = e.position WHERE j.outcome = 'appended'
){claims}, advanced AS (
    UPDATE workflows_instance w SET
        last_seq = j.last_seq + j.size,
        last_event_at = j.at,
        log_bytes = w.log_bytes + j.bytes,
        takeovers = CASE WHEN j.size > 0 AND j.epoch IS NOT NULL THEN 0 ELSE w.takeovers END,
        unread = CASE WHEN j.epoch IS NULL THEN w.unread + j.wakes::int ELSE 0 END,
        status = coalesce(j.status, w.status),
        wake_at = {wake_at},
        epoch = coalesce(j.own, w.epoch),
        error_code = coalesce(j.error_code, w.error_code),
        error_message = coalesce(j.error_message, w.error_message),
        finished_at = CASE WHEN j.finishes THEN j.at END
    FROM judged j WHERE w.id = j.id AND j.outcome = 'appended'
), inserted AS (
    INSERT INTO workflows_event (instance_id, seq, type, correlation_id, data, at)
    SELECT id, seq, {type}, correlation_id, data, at FROM events
), told AS (
    INSERT INTO workflows_outbox (instance_id, org_id, env_id, type, key, payload, parent_id, created_at)
    SELECT j.id, j.org_id, j.env_id, 'workflow.instance_terminal', j.id || ':end',
        json_build_object('instance_id', j.id, 'definition', j.definition, 'status', j.status), j.parent_id, j.at
    FROM judged j WHERE j.outcome = 'appended' AND j.finishes
    {emitted}
), closed AS (
    UPDATE workflows_hook SET disposed_at = clock_timestamp()
    WHERE instance_id = ANY (ARRAY (SELECT id FROM judged WHERE outcome = 'appended' AND finishes))
        AND disposed_at IS NULL
)
SELECT position, outcome, last_seq, owner, old_status, at, {clashes} FROM judged"""

# Each hook is looked up by its instance, whatever the planner thought of the table when it was empty.
# A token that is let go in this group may be claimed in it. Tokens are claimed in one order, so two groups can't wait
# for each other's in a ring; one that is taken leaves the hook unmade, and its event says so.
CLAIMS: LiteralString = """, let_go AS (
    UPDATE workflows_hook SET disposed_at = clock_timestamp()
    WHERE id = ANY (ARRAY (
        SELECT h.id FROM events e CROSS JOIN LATERAL (
            SELECT id FROM workflows_hook
            WHERE instance_id = e.id AND correlation_id = e.correlation_id AND disposed_at IS NULL LIMIT 1
        ) AS h WHERE e.type = 'hook_disposed'))
    RETURNING 1
), claimed AS (
    INSERT INTO workflows_hook (token, name, instance_id, env_id, correlation_id, created_at)
    SELECT data->>'token', data->>'name', id, env_id, correlation_id, at FROM events
    WHERE type = 'hook_created' AND (SELECT count(*) FROM let_go) >= 0
    ORDER BY data->>'token' COLLATE "C"
    ON CONFLICT DO NOTHING RETURNING instance_id, correlation_id
), clashed AS MATERIALIZED (
    SELECT e.id, e.position, e.correlation_id FROM events e
    WHERE e.type = 'hook_created' AND NOT EXISTS (
        SELECT FROM claimed c WHERE c.instance_id = e.id AND c.correlation_id = e.correlation_id)
)"""

# What comes from outside makes a waiting instance ready, and one that runs be looked at; so does a token that is taken.
WAKE_AT: LiteralString = """CASE
            WHEN j.position IN (SELECT position FROM clashed) THEN j.at
            WHEN j.wakes THEN CASE WHEN w.status = 'paused' THEN w.wake_at ELSE least(w.wake_at, j.at) END
            WHEN j.status IS NULL THEN w.wake_at ELSE j.wake_at END"""

TYPE: LiteralString = """CASE
        WHEN type = 'hook_created' AND (id, correlation_id) IN (SELECT id, correlation_id FROM clashed)
        THEN 'hook_conflict' ELSE type END"""

# The payload is cut off as text: the operators that take JSON apart refuse one that has a NUL anywhere.
EMITTED: LiteralString = """UNION ALL
    SELECT id, org_id, env_id, head->>'type', coalesce(head->>'key', id || ':' || correlation_id),
        left(substr(data::text, length(head::text) + length(',"payload":')), -1)::json, NULL, at
    FROM events CROSS JOIN LATERAL (SELECT (split_part(data::text, ',"payload":', 1) || '}')::json AS head) AS named
    WHERE type = 'emitted'"""

CLASHES: LiteralString = """(
    SELECT string_agg(correlation_id, E'\\x1f') FROM clashed c WHERE c.position = judged.position)"""


@cache
def append(lock: Literal["", "SKIP LOCKED"], *, plain: bool) -> str:
    """Return the statement; `plain` for a group of steps, sleeps and ends only."""
    return APPEND.format(
        lock=lock,
        materialized="" if plain else "MATERIALIZED",
        claims="" if plain else CLAIMS,
        wake_at="CASE WHEN j.status IS NULL THEN w.wake_at ELSE j.wake_at END" if plain else WAKE_AT,
        type="type" if plain else TYPE,
        emitted="" if plain else EMITTED,
        clashes="NULL" if plain else CLASHES,
    )
