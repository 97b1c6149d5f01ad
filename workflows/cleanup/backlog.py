"""Cancel a backlog of instances that wait: quietly, in id batches, each log ended by its own event.

No terminal events are emitted: what ends a storm must not feed the next one.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec

from workflows import conf, eventlog
from workflows.cleanup import batches
from workflows.cleanup.batches import Batch, Tally, Walk
from workflows.fence import END, Failure
from workflows.outbox import TERMINAL
from workflows.states import EventType, Status

WAITING = (Status.PENDING, Status.PAUSED)
SAMPLE = 10

# The page is a bounded stretch of the index of what is unfinished; `found` stops at as many as one batch takes. Both
# limits are written out: for a bound one the planner would prepare to sort the table.
FOUND = """
found AS MATERIALIZED (
    SELECT id, place, org_id, env_id, definition FROM (
        SELECT id, ctid AS place, org_id, env_id, definition, event_type, shard, epoch, accepted_at
        FROM workflows_instance
        WHERE status = %(status)s AND finished_at IS NULL AND id > %(after)s ORDER BY id LIMIT {looked_at}
    ) page
    WHERE (%(workflows)s::text[] IS NULL OR definition = ANY (%(workflows)s))
        AND (%(events)s::text[] IS NULL OR event_type = ANY (%(events)s))
        AND (%(orgs)s::uuid[] IS NULL OR org_id = ANY (%(orgs)s))
        AND (%(envs)s::uuid[] IS NULL OR env_id = ANY (%(envs)s))
        AND accepted_at < %(before)s AND {dead}
    ORDER BY id LIMIT {limit}
)"""

# Where the next batch begins: after the last one found, or after a page in which fewer were; null at the end.
NEXT = """
CASE WHEN (SELECT count(*) FROM found) = {limit} THEN (SELECT id FROM found ORDER BY id DESC LIMIT 1)
ELSE (
    SELECT id FROM workflows_instance
    WHERE status = %(status)s AND finished_at IS NULL AND id > %(after)s ORDER BY id OFFSET {looked_at} - 1 LIMIT 1
) END"""

# What a crash of the server takes back is found and done again; the end of the act is written durably.
RELAX = "set_config('synchronous_commit', 'off', true)"

# Rows are locked at their places and judged as they are then; those that others hold or moved are left for another
# pass. Only a family hears of the end, by the outbox: who waits for it, and what it has started; `quiet` keeps it from
# what is bound to ends.
CANCEL = f"""
WITH {FOUND}, free AS MATERIALIZED (
    SELECT id, ctid AS place, last_event_at FROM workflows_instance
    WHERE ctid = ANY (ARRAY(SELECT place FROM found)) AND status = %(status)s AND finished_at IS NULL AND {{dead}}
    FOR NO KEY UPDATE SKIP LOCKED
), timed AS MATERIALIZED (
    SELECT id, place, greatest(clock_timestamp(), last_event_at) AS at FROM free
), ended AS (
    UPDATE workflows_instance w SET
        status = 'cancelled', error_code = 'cancelled', error_message = %(reason)s, wake_at = NULL,
        finished_at = t.at, last_event_at = t.at, last_seq = w.last_seq + 1, log_bytes = w.log_bytes + %(bytes)s
    FROM timed t WHERE w.ctid = t.place AND w.id = t.id
    RETURNING w.id, w.last_seq, w.last_event_at, w.started_at, w.source, w.parent_id, w.org_id, w.env_id, w.definition
), told AS (
    INSERT INTO workflows_event (instance_id, seq, type, correlation_id, data, at)
    SELECT id, last_seq, '{EventType.CANCELLED}', '{END}', %(data)s::json, last_event_at FROM ended
), closed AS (
    UPDATE workflows_hook SET disposed_at = clock_timestamp()
    WHERE disposed_at IS NULL AND instance_id = ANY (ARRAY(SELECT id FROM ended WHERE started_at IS NOT NULL))
), kin AS (
    INSERT INTO workflows_outbox (instance_id, org_id, env_id, type, key, payload, parent_id, created_at)
    SELECT e.id, e.org_id, e.env_id, '{TERMINAL}', e.id || ':{END}', json_build_object(
            'instance_id', e.id, 'definition', e.definition, 'status', 'cancelled', 'quiet', TRUE),
        CASE WHEN e.source = 'child' THEN e.parent_id END, e.last_event_at
    FROM ended e WHERE e.source = 'child' AND e.parent_id IS NOT NULL OR e.started_at IS NOT NULL AND EXISTS (
        SELECT FROM workflows_instance c WHERE c.parent_id = e.id AND c.source = 'child' AND c.finished_at IS NULL)
), counted AS (
    UPDATE workflows_auditrecord SET count = count + (SELECT count(*) FROM ended)
    WHERE id = %(record)s AND EXISTS (SELECT FROM ended)
)
SELECT (SELECT count(*) FROM ended), (SELECT count(*) FROM found), {NEXT}, {RELAX}"""  # noqa: S608

COUNT = f"""
WITH {FOUND}, grouped AS (SELECT org_id, env_id, definition, count(*) AS count FROM found GROUP BY 1, 2, 3)
SELECT (SELECT json_agg(grouped) FROM grouped)::text,
    (SELECT array_agg(id) FROM (SELECT id FROM found LIMIT {{sample}}) first), {NEXT}"""  # noqa: S608

# Of a shard that never had a pump every epoch is dead. One that is taken meanwhile is higher than all of these.
DEAD = """
epoch < coalesce(
    (SELECT first FROM unnest(%(shards)s::int[], %(live_from)s::bigint[]) AS s (index, first) WHERE index = shard), 1
)"""
LIVE_FROM = """
SELECT index, CASE WHEN deadline > clock_timestamp() THEN epoch ELSE epoch + 1 END FROM workflows_shard"""
ANY = "TRUE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which instances are meant: all that is given must agree; None asks nothing.

    With `stale_running` also those that a pump had begun whose lease has lapsed; what a live pump runs is never meant.
    """

    before: datetime
    workflows: tuple[str, ...] | None = None
    events: tuple[str, ...] | None = None
    orgs: tuple[UUID, ...] | None = None
    envs: tuple[UUID, ...] | None = None
    statuses: tuple[Status, ...] = WAITING
    stale_running: bool = False

    def walked(self) -> tuple[Status, ...]:
        """Return the stretches of the index to walk."""
        return (*self.statuses, Status.RUNNING) if self.stale_running else self.statuses


class Group(msgspec.Struct, frozen=True):
    """Those of one definition in one environment."""

    org_id: UUID
    env_id: UUID
    definition: str
    status: str
    count: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What a selection holds: by status, environment and definition, with some ids."""

    groups: tuple[Group, ...]
    sample: tuple[UUID, ...]

    @property
    def count(self) -> int:
        return sum(group.count for group in self.groups)


class _Row(msgspec.Struct):
    org_id: UUID
    env_id: UUID
    definition: str
    count: int


def count(selection: Selection) -> Counted:
    """Count what a selection holds now, page by page; nothing is locked or changed."""
    found: Counter[tuple[UUID, UUID, str, Status]] = Counter()
    sample: list[UUID] = []

    def look(status: Status, after: UUID) -> Batch:
        limits = {"limit": conf.current().cleanup_looked_at, "sample": SAMPLE}
        grouped, ids, following = _execute(COUNT, selection, status, after, limits)
        rows = msgspec.json.decode(grouped, type=list[_Row]) if grouped else []
        for row in rows:
            found[row.org_id, row.env_id, row.definition, status] += row.count
        sample.extend((ids or [])[: SAMPLE - len(sample)])
        return Batch(sum(row.count for row in rows), following)

    for status in selection.walked():
        batches.walk(partial(look, status), Walk())
    return Counted(tuple(Group(*key, count) for key, count in found.most_common()), tuple(sample))


def cancel(selection: Selection, reason: str, *, actor: str, how: Walk, batch: int | None = None) -> Tally:
    """End all that a selection holds, `batch` at a time; a repeat goes on with what is left."""
    shown = Failure("cancelled", reason).shown().message
    data = msgspec.json.encode({"reason": shown, "actor": actor}).decode()
    ending = {"reason": shown, "data": data, "bytes": len(data.encode()), "record": how.record}
    # Between two statements a busy machine keeps us waiting: each batch is one, and a transaction by itself.
    how = replace(how, one_statement=True)
    limits = {"limit": batch or conf.current().cleanup_batch}

    def take(status: Status, after: UUID) -> Batch:
        ended, found, following, _ = _execute(CANCEL, selection, status, after, limits, ending)
        return Batch(ended, following, busy=found - ended)

    tally = Tally()
    for status in selection.walked():
        tally += batches.walk(partial(take, status), how)
        if tally.after is not None:
            break
    return tally


def _execute(
    statement: str,
    selection: Selection,
    status: Status,
    after: UUID,
    limits: Mapping[str, int],
    values: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    running = status is Status.RUNNING
    live = eventlog.execute(LIVE_FROM, ()) if running else []
    written = statement.format(dead=DEAD if running else ANY, looked_at=int(conf.current().cleanup_looked_at), **limits)
    parameters = {
        "status": status.value,
        "after": after,
        "before": selection.before,
        "workflows": _listed(selection.workflows),
        "events": _listed(selection.events),
        "orgs": _listed(selection.orgs),
        "envs": _listed(selection.envs),
        **({"shards": [row[0] for row in live], "live_from": [row[1] for row in live]} if running else {}),
        **values,
    }
    return eventlog.execute(written, parameters)[0]


def _listed(values: tuple[Any, ...] | None) -> list[Any] | None:
    return None if values is None else list(values)
