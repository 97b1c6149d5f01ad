"""Delete finished instances, with their events, hooks, outbox rows and blobs, in id batches.

A row is also what tells the buffer that an entry was started. So one that is still buffered, because a drainer died
before it could settle it, is kept: without the row it would be started again.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from workflows import blobs, conf, eventlog
from workflows.cleanup import batches
from workflows.cleanup.batches import FIRST, Batch, Tally, Walk
from workflows.states import Status

# A bounded stretch of the primary key; a batch is also bounded by the events that go with it.
FOUND = """
WITH page AS (
    SELECT id, org_id, definition, status, finished_at, last_seq FROM workflows_instance
    WHERE id > %(after)s ORDER BY id LIMIT {looked_at}
), found AS MATERIALIZED (
    SELECT id, last_seq FROM page
    WHERE finished_at < %(before)s
        AND (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s))
        AND (%(workflows)s::text[] IS NULL OR definition = ANY (%(workflows)s))
        AND (%(orgs)s::uuid[] IS NULL OR org_id = ANY (%(orgs)s))
    ORDER BY id LIMIT {limit}
), taken AS MATERIALIZED (
    SELECT id FROM (SELECT id, sum(last_seq) OVER (ORDER BY id) - last_seq AS ahead FROM found) counted
    WHERE ahead < {events}
)
SELECT array(SELECT id FROM taken ORDER BY id),
    CASE WHEN (SELECT count(*) FROM taken) = {limit} OR (SELECT count(*) FROM taken) < (SELECT count(*) FROM found)
        THEN (SELECT id FROM taken ORDER BY id DESC LIMIT 1)
    ELSE (SELECT id FROM workflows_instance WHERE id > %(after)s ORDER BY id OFFSET {looked_at} - 1 LIMIT 1) END"""

# The log of a result that was spilled holds nothing but its place, so a large one need not be read.
DELETE = f"""
WITH gone AS (
    DELETE FROM workflows_instance WHERE id IN (
        SELECT id FROM workflows_instance WHERE id = ANY (%(ids)s) AND finished_at < %(before)s
        ORDER BY id FOR UPDATE SKIP LOCKED
    ) RETURNING id, env_id
), events AS (
    DELETE FROM workflows_event e USING gone WHERE e.instance_id = gone.id
    RETURNING gone.env_id, gone.id, e.type = 'step_completed' AND pg_column_size(e.data) < 1000
        AND e.data::text LIKE '%%"{blobs.MARK}"%%' AS spilled
), owed AS (
    DELETE FROM workflows_outbox o USING gone WHERE o.instance_id = gone.id RETURNING 1
), hooks AS (
    DELETE FROM workflows_hook WHERE instance_id = ANY (ARRAY(SELECT id FROM gone)) RETURNING id
), resumed AS (
    DELETE FROM workflows_resumption WHERE hook_id = ANY (ARRAY(SELECT id FROM hooks))
)
SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM events), (SELECT count(*) FROM owed),
    array(SELECT DISTINCT env_id::text || ' ' || id FROM events WHERE spilled)"""  # noqa: S608

RELAX = "SELECT set_config('synchronous_commit', 'off', true)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which finished instances are meant: all that is given must agree; None asks nothing."""

    before: datetime
    statuses: tuple[Status, ...] | None = None
    workflows: tuple[str, ...] | None = None
    orgs: tuple[UUID, ...] | None = None


@dataclass(slots=True)
class Deleted:
    """What went with the instances, and how many were kept because they are still buffered."""

    events: int = 0
    outbox: int = 0
    buffered: int = 0


# Says which of these ids are still buffered.
Buffered = Callable[[Sequence[UUID]], Collection[UUID]]


def count(selection: Selection) -> int:
    """Count what a selection holds now, page by page."""

    def look(after: UUID) -> Batch:
        ids, following = _found(selection, after, conf.current().cleanup_looked_at)
        return Batch(len(ids), following)

    return batches.walk(look, Walk()).done


def seek(selection: Selection, most: int, after: UUID = FIRST) -> tuple[UUID | None, UUID | None]:
    """Look for the first that is meant, in so many batches.

    Returns where to begin to find it (None: there is none), and where the search ended (None: at the end).
    """
    places: list[UUID] = []

    def look(at: UUID) -> Batch:
        ids, following = _found(selection, at, 1)
        if ids:
            places.append(at)
        return Batch(0, following)

    tally = batches.walk(look, Walk(stop=lambda: bool(places), most=most), after)
    return (places[0] if places else None), tally.after


def delete(
    selection: Selection,
    how: Walk,
    *,
    buffered: Buffered,
    batch: int | None = None,
    after: UUID = FIRST,
) -> tuple[Tally, Deleted]:
    """Delete all that a selection holds, `batch` at a time; a repeat goes on with what is left.

    Raises:
        Whatever `buffered` raises when the buffer can't be asked; batches before that stay deleted.
    """
    deleted, limit = Deleted(), batch or conf.current().cleanup_batch

    def take(at: UUID) -> Batch:
        ids, following = _found(selection, at, limit)
        kept = set(buffered(ids)) if ids else set()
        ids = [id_ for id_ in ids if id_ not in kept]
        deleted.buffered += len(kept)
        if not ids:
            return Batch(0, following)
        eventlog.execute(RELAX, ())
        gone, events, owed, spilled = eventlog.execute(DELETE, {"ids": ids, "before": selection.before})[0]
        for place in spilled:
            # Before the rows are gone for good: after a kill in between a repeat finds both.
            blobs.remove(*map(UUID, place.split()))
        deleted.events += events
        deleted.outbox += owed
        return Batch(gone, following, busy=len(ids) - gone)

    return batches.walk(take, how, after), deleted


def _found(selection: Selection, after: UUID, limit: int) -> tuple[list[UUID], UUID | None]:
    limits = conf.current()
    statement = FOUND.format(limit=int(limit), looked_at=limits.cleanup_looked_at, events=limits.cleanup_events)
    parameters = {
        "after": after,
        "before": selection.before,
        "statuses": _listed(selection.statuses),
        "workflows": _listed(selection.workflows),
        "orgs": _listed(selection.orgs),
    }
    ids, following = eventlog.execute(statement, parameters)[0]
    return list(ids), following


def _listed(values: tuple[Any, ...] | None) -> list[Any] | None:
    return None if values is None else [getattr(value, "value", value) for value in values]
