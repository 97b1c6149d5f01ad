"""The only writer of storms: opened by the first trigger that is refused, closed once its backlog is calm."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from workflows import conf, eventlog, notices, snapshot
from workflows.notices import Notice
from workflows.trigger import Trigger

log = structlog.get_logger(__name__)

# Triggers of one group that are refused, in their order, and how many that are.
REFUSED = """refused AS (
    SELECT t.*, row_number() OVER (ORDER BY t.position) AS nth
    FROM unnest(%(ids)s::uuid[], %(event_keys)s::text[], %(snapshots)s::bytea[], %(looping)s::int[]) WITH ORDINALITY
        AS t (id, event_key, snapshot, looping, position){which}
), together AS (SELECT count(*) AS suppressed, coalesce(sum(looping), 0) AS looping FROM refused)"""
# The open storm's row counts them, and keeps each in the slot of the oldest that is kept.
SET = """
    suppressed = s.suppressed + {of}.suppressed, looping = s.looping + {of}.looping, "limit" = %(limit)s,
    peak = greatest(s.peak, {backlog}), last_at = statement_timestamp()"""
BACKLOG = "%(backlog)s"
OPENED = "RETURNING s.id, s.suppressed, s.opened_at"
KEPT = """kept AS (
    INSERT INTO workflows_suppressedtrigger (storm_id, slot, number, trigger_id, event_key, snapshot, at)
    SELECT c.id, (c.suppressed - t.suppressed + r.nth - 1) %% %(kept)s, c.suppressed - t.suppressed + r.nth,
        r.id, r.event_key, r.snapshot, statement_timestamp()
    FROM counted c, together t, refused r WHERE r.nth > t.suppressed - %(kept)s
    ON CONFLICT (storm_id, slot) DO UPDATE SET
        number = excluded.number, trigger_id = excluded.trigger_id, event_key = excluded.event_key,
        snapshot = excluded.snapshot, at = excluded.at, replayed_at = NULL
)"""
CLOSE = """
UPDATE workflows_storm SET closed_at = statement_timestamp(), closed_by = %s
WHERE id = %s AND closed_at IS NULL
RETURNING org_id, env_id, definition, event_type, "limit", suppressed, looping, peak, opened_at, closed_at"""
NAMES = """
SELECT (SELECT slug FROM workflows_organization WHERE id = %s),
    (SELECT slug FROM workflows_environment WHERE id = %s)"""
OPEN = """
SELECT id, org_id, env_id, definition, event_type, "limit" FROM workflows_storm
WHERE closed_at IS NULL ORDER BY last_at LIMIT %s"""
REPLAYABLE = """
SELECT number, snapshot FROM workflows_suppressedtrigger
WHERE storm_id = %s AND replayed_at IS NULL ORDER BY number LIMIT %s"""
REPLAYED = """
UPDATE workflows_suppressedtrigger SET replayed_at = statement_timestamp()
WHERE storm_id = %s AND number = %s AND replayed_at IS NULL"""
COUNT = "SELECT count(*) FROM workflows_suppressedtrigger WHERE storm_id = %s AND replayed_at IS NULL"
FORGET = """
DELETE FROM workflows_suppressedtrigger WHERE id IN (
    SELECT k.id FROM workflows_suppressedtrigger k JOIN workflows_storm s ON s.id = k.storm_id
    WHERE s.closed_at < statement_timestamp() - make_interval(days => %s) LIMIT %s)
RETURNING id"""


def counting(where: str, *, source: str = "", which: str = "", backlog: str = BACKLOG) -> str:
    """Return the words, for a WITH, that count refusals in the storm `s` where that holds, as `counted`.

    `which` says which of the triggers are refused; those are `refused`. They don't wait for the disk: refusals of a
    storm queue for its one row. After a crash of the server its count may lack those of its last moments (three times
    wal_writer_delay), of which nothing was made.
    """
    return f"""{REFUSED.format(which=which)}, counted AS (
    UPDATE workflows_storm AS s SET {SET.format(of="together", backlog=backlog)} FROM together{source}
    WHERE together.suppressed > 0 AND {where} AND set_config('synchronous_commit', 'off', true) = 'off'
    {OPENED}
), {KEPT}"""  # noqa: S608


OPEN_ONE = """s.env_id = %(env_id)s AND s.definition = %(definition)s AND s.event_type = %(event_type)s
    AND s.closed_at IS NULL"""
OUTCOME = "SELECT id, suppressed, opened_at FROM counted"
AGAIN = f"WITH {counting(OPEN_ONE)} {OUTCOME}"
IN_ITS_OWN = f"WITH {counting('s.id = %(storm)s')} {OUTCOME}"
FIRST = f"""
WITH {REFUSED.format(which="")}, counted AS (
    INSERT INTO workflows_storm AS s (org_id, env_id, definition, event_type, "limit", suppressed, looping, peak,
        opened_at, last_at, closed_by)
    SELECT %(org_id)s, %(env_id)s, %(definition)s, %(event_type)s, %(limit)s, suppressed, looping, %(backlog)s,
        statement_timestamp(), statement_timestamp(), '' FROM together
    ON CONFLICT (env_id, definition, event_type) WHERE closed_at IS NULL
    DO UPDATE SET {SET.format(of="excluded", backlog=BACKLOG)} {OPENED}
), {KEPT} {OUTCOME}"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Group:
    """What the damper counts together: one environment's instances of a definition, from events of one type."""

    org_id: UUID
    env_id: UUID
    definition: str
    event_type: str

    def parameters(self) -> dict[str, Any]:
        """Return what names it in a statement."""
        return {
            "org_id": self.org_id,
            "env_id": self.env_id,
            "definition": self.definition,
            "event_type": self.event_type,
        }


@dataclass(frozen=True, slots=True)
class OpenStorm:
    """An incident that goes on."""

    id: int
    group: Group
    limit: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A suppressed trigger that was not replayed yet."""

    number: int
    trigger: Trigger


def group_of(trigger: Trigger) -> Group:
    return Group(trigger.org_id, trigger.env_id, trigger.definition, trigger.event_type or "")


def refused(triggers: Sequence[Trigger], snapshots: Sequence[bytes]) -> dict[str, Any]:
    """Return the parameters that count and keep triggers of one group."""
    return {
        "kept": conf.current().storm_kept,
        "ids": [trigger.id for trigger in triggers],
        "event_keys": [trigger.event_key for trigger in triggers],
        "snapshots": list(snapshots),
        "looping": [int(trigger.definition in trigger.chain) for trigger in triggers],
    }


def suppress(triggers: Sequence[Trigger], *, limit: int, backlog: int, storm: int | None = None) -> int:
    """Count and keep triggers of one group that were refused; return the storm's id.

    They are counted in the storm that refused them, which may be closed by now; without one in the group's open storm,
    else they open one.
    """
    group, counted = group_of(triggers[0]), {"limit": limit, "backlog": backlog}
    values = group.parameters() | counted | refused(triggers, [snapshot.encode(trigger) for trigger in triggers])
    if storm is not None and (own := eventlog.execute(IN_ITS_OWN, values | {"storm": storm})):
        return int(own[0][0])
    # Nearly all find it open; the one that opens it tells of it, in the same transaction.
    if again := eventlog.execute(AGAIN, values):
        return int(again[0][0])
    with transaction.atomic():
        ((opened, suppressed, opened_at),) = eventlog.execute(FIRST, values)
        if suppressed == len(triggers):
            seen = {"limit": limit, "backlog": backlog, "opened_at": opened_at}
            notices.tell(Notice.STORM_OPENED, group.org_id, _described(opened, group) | seen)
            log.warning("workflows.storm_opened", storm_id=opened, definition=group.definition, type=group.event_type)
    return int(opened)


def close(storm_id: int, by: str) -> bool:
    """Close a storm, and tell of it; False when somebody else did."""
    with transaction.atomic():
        closed = eventlog.execute(CLOSE, (by, storm_id))
        if not closed:
            return False
        ((*group, limit, suppressed, looping, peak, opened_at, closed_at),) = closed
        counted = {"limit": limit, "suppressed": suppressed, "looping": looping, "peak": peak}
        ended = {"opened_at": opened_at, "closed_at": closed_at, "closed_by": by}
        notices.tell(Notice.STORM_CLOSED, group[0], _described(storm_id, Group(*group)) | counted | ended)
    log.info("workflows.storm_closed", storm_id=storm_id, by=by)
    return True


def _described(storm_id: int, group: Group) -> dict[str, Any]:
    """Return what tells a storm from another, for those outside."""
    ((org, env),) = eventlog.execute(NAMES, (group.org_id, group.env_id))
    return {
        "storm_id": storm_id,
        "org": org,
        "org_id": group.org_id,
        "env": env,
        "env_id": group.env_id,
        "definition": group.definition,
        "event_type": group.event_type,
    }


def is_calm(backlog: int, limit: int) -> bool:
    """Tell whether a storm may end: the backlog is under half the limit."""
    return 2 * backlog < limit


def list_open(limit: int) -> Sequence[OpenStorm]:
    """Return open storms, the one that was quiet longest first."""
    return [OpenStorm(id_, Group(*group), most) for id_, *group, most in eventlog.execute(OPEN, (limit,))]


def list_kept(storm_id: int, limit: int) -> Sequence[Kept]:
    """Return what is kept of a storm and was not replayed, the oldest first."""
    return [
        Kept(number, snapshot.decode(bytes(stored)))
        for number, stored in eventlog.execute(REPLAYABLE, (storm_id, limit))
    ]


def count_kept(storm_id: int) -> int:
    """Return how many are kept of a storm and were not replayed."""
    return int(eventlog.execute(COUNT, (storm_id,))[0][0])


def mark_replayed(storm_id: int, number: int) -> None:
    """Say that a kept trigger was submitted again; a slot that was taken by a newer one stays."""
    eventlog.execute(f"{REPLAYED} RETURNING id", (storm_id, number))


def forget(days: int, limit: int) -> int:
    """Delete up to `limit` kept triggers of storms that closed so many days ago; return how many."""
    return len(eventlog.execute(FORGET, (days, limit)))
