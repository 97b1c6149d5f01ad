"""The live backlog of a group: what is buffered of it first, rows then, so that what is drained meanwhile is in one.

One exchange with Redis and one statement a look. In an open storm that statement also counts what it refuses, since
then nearly every event is refused and its count is most of what a storm costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import structlog

from mollifier import buffer
from mollifier.decision import Scope
from mollifier.errors import MollifierError
from workflows import eventlog, storms
from workflows.intake.preflight import Ready
from workflows.storms import Group

log = structlog.get_logger(__name__)

# How many groups are remembered as stormy.
REMEMBERED = 1_000
# How often both stores are looked at again while the drainer moves entries between them.
LOOKS = 5

# The words of the partial index. An order with a limit, else a generic plan counts by scanning the table.
LIVE = """
    FROM workflows_instance i
    WHERE i.org_id = %(org_id)s AND i.env_id = %(env_id)s AND i.definition = %(definition)s
        AND i.event_type = %(event_type)s AND i.event_type IS NOT NULL AND i.finished_at IS NULL
        AND i.status <> 'paused'
        AND i.created_at >= CASE WHEN storm.id IS NULL
            THEN statement_timestamp() - make_interval(secs => %(window_seconds)s) ELSE '-infinity' END
    ORDER BY i.created_at DESC LIMIT %(limit)s"""
STORM = """(
    SELECT max(s.id) AS id FROM workflows_storm s
    WHERE s.env_id = %(env_id)s AND s.definition = %(definition)s AND s.event_type = %(event_type)s
        AND s.closed_at IS NULL
) AS storm"""
LOOK = f"""
SELECT ARRAY(SELECT i.id FROM workflows_instance i WHERE i.id = ANY (%(ids)s::uuid[])) AS known, storm.id AS storm,
    (SELECT count(*) FROM (SELECT 1 {LIVE}) AS live) AS rows
FROM {STORM}"""  # noqa: S608
WHICH = f"SELECT (SELECT array_agg(live.id) FROM (SELECT i.id {LIVE}) AS live) FROM {STORM}"  # noqa: S608
CERTAIN = "greatest(seen.rows, %(buffered)s)"
# Half the limit in one of both stores is enough to refuse, whatever the two have in common.
REFUSED = f", seen WHERE t.id <> ALL (seen.known) AND 2 * {CERTAIN} >= %(limit)s"
COUNTING_LOOK = f"""
WITH seen AS MATERIALIZED ({LOOK}
), {storms.counting("s.id = seen.storm", source=", seen", which=REFUSED, backlog=CERTAIN)}
SELECT seen.known, seen.storm, seen.rows, ARRAY(SELECT r.id FROM refused r, counted) AS suppressed FROM seen"""  # noqa: S608

_stormy: set[Group] = set()


@dataclass(frozen=True, slots=True)
class Backlog:
    """Live instances of a group, counted up to the limit: rows, and what is buffered and no row yet.

    `buffered` is None when Redis does not answer; then rows alone count. `known` holds those of the triggers that were
    submitted before, `suppressed` those that the group's storm has counted already, so they are refused.
    """

    rows: int
    buffered: int | None
    storm: int | None = None
    known: frozenset[UUID] = frozenset()
    suppressed: frozenset[UUID] = frozenset()

    @property
    def size(self) -> int:
        """Return how many are live at the most: what is drained this moment may be counted in both stores."""
        return self.rows + (self.buffered or 0)

    @property
    def certain(self) -> int:
        """Return how many are live at the least, whatever the two stores have in common."""
        return max(self.rows, self.buffered or 0)


def look(first: Ready, *others: Ready, counting: bool = False) -> Backlog:
    """Count the live backlog of a group once, after a look for the instances of these very triggers of it.

    With `counting` those that an open storm refuses for certain are counted by it in the same statement.
    """
    origin, group = first.origin, storms.group_of(first.trigger)
    entries, buffered = _buffered(group, [each.trigger.id for each in (first, *others)])
    asked = [each for each in (first, *others) if each.trigger.id not in entries]
    if not asked:
        return Backlog(0, buffered, known=entries)
    values = _values(group, origin.limit, origin.window_seconds)
    if counting and group in _stormy:
        refused = storms.refused([each.trigger for each in asked], [each.arrival.snapshot for each in asked])
        ((known, storm, rows, counted),) = eventlog.execute(
            COUNTING_LOOK, values | refused | {"buffered": buffered or 0}
        )
    else:
        ids = [each.trigger.id for each in asked]
        ((known, storm, rows), counted) = (*eventlog.execute(LOOK, values | {"ids": ids}), ())
    _remember(group, stormy=storm is not None)
    return Backlog(rows, buffered, storm, entries.union(known), frozenset(counted))


def count(first: Ready, *others: Ready) -> Backlog:
    """Count as `look` does, and each instance once where that decides about one of the triggers.

    For whoever holds the group's lock: others may not add to it meanwhile.
    """
    origin, group = first.origin, storms.group_of(first.trigger)
    values = _values(group, origin.limit, origin.window_seconds)
    return _counted_once(look(first, *others), group, values, more=len(others))


def live(group: Group, limit: int) -> int:
    """Count the live backlog of a group that has an open storm."""
    _, buffered = _buffered(group, ())
    values = _values(group, limit, 0)
    ((_, storm, rows),) = eventlog.execute(LOOK, values | {"ids": []})
    return _counted_once(Backlog(rows, buffered, storm), group, values).size


def name(group: Group) -> str:
    """Name a group within its environment, as the gate counts it."""
    return f"{group.definition} {group.event_type}"


def _values(group: Group, limit: int, window_seconds: int) -> dict[str, Any]:
    return group.parameters() | {"window_seconds": window_seconds, "limit": limit}


def _scope(group: Group) -> Scope:
    return Scope(str(group.org_id), str(group.env_id))


def _remember(group: Group, *, stormy: bool) -> None:
    """Keep whether the group's last look saw a storm: a hint which statement to send, right or wrong."""
    if not stormy:
        _stormy.discard(group)
    elif len(_stormy) < REMEMBERED:
        _stormy.add(group)


def _buffered(group: Group, ids: Sequence[UUID]) -> tuple[frozenset[UUID], int | None]:
    """Ask which ids are buffered, and how many of their group are."""
    try:
        return buffer.look(_scope(group), name(group), ids)
    except MollifierError as error:
        log.warning("workflows.damper_without_buffer", error=error.code)
        return frozenset(), None


def _counted_once(seen: Backlog, group: Group, values: dict[str, Any], more: int = 0) -> Backlog:
    """Take rows off that are still entries too, where that decides about this one or `more`: both counts have them.

    As many entries after the rows were read as before are the same ones. Else some have become rows, and it looks anew.
    """
    if not seen.buffered or not seen.rows < values["limit"] <= seen.size + more:
        return seen
    before: int | None = seen.buffered
    for _ in range(LOOKS):
        ((found,),) = eventlog.execute(WHICH, values)
        ids = found or []
        both, after = _buffered(group, ids)
        if after is not None and after == before:
            return replace(seen, rows=len(ids) - len(both), buffered=after)
        before = after
    return seen
