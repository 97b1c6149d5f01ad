"""Compare mirrored entries with the rows that were started directly: would the drainer have made the same ones?"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog

from mollifier.entry import Comparison, Entry
from workflows import eventlog, faults, rows, snapshot
from workflows.faults import Fault
from workflows.models import Instance
from workflows.rows import Draft
from workflows.snapshot import SnapshotFromFuture, SnapshotInvalid
from workflows.trigger import Trigger

log = structlog.get_logger(__name__)

# What nothing changes after a row is made, and its payload.
COLUMNS = (
    *("org_id", "env_id", "definition", "version", "shard", "source", "idempotency_key"),
    *("root_id", "parent_id", "depth", "accepted_at", "event_type", "event_key", "cause"),
)
SELECT = f"""
SELECT i.id, first.data::text, {", ".join(f"i.{name}" for name in COLUMNS)}
FROM workflows_instance i JOIN workflows_event first ON first.instance_id = i.id AND first.seq = 1
WHERE i.id = ANY (%s)"""  # noqa: S608


def compare(entries: Sequence[Entry]) -> Mapping[UUID, Comparison]:
    """Tell for each entry whether its row is the one that the row builder makes of its snapshot."""
    found: dict[UUID, Comparison] = {}
    triggers: list[Trigger] = []
    for entry in entries:
        try:
            triggers.append(snapshot.decode(entry.snapshot))
        except (SnapshotInvalid, SnapshotFromFuture):
            found[entry.id] = Comparison.UNREADABLE
            log.exception("workflows.mirror_unreadable", instance_id=str(entry.id))
    stored = {id_: columns for id_, *columns in eventlog.execute(SELECT, [[trigger.id for trigger in triggers]])}
    return found | {trigger.id: _compare_one(trigger, stored.get(trigger.id)) for trigger in triggers}


def _compare_one(trigger: Trigger, stored: Sequence[Any] | None) -> Comparison:
    """Compare, whatever the entry holds: one that can't be looked for must not keep the others."""
    try:
        return _compare(trigger, stored)
    except Exception as error:
        if faults.classify(error) is Fault.UNAVAILABLE:
            raise
        log.exception("workflows.mirror_unreadable", instance_id=str(trigger.id))
        return Comparison.UNREADABLE


def _compare(trigger: Trigger, stored: Sequence[Any] | None) -> Comparison:
    if stored is None:
        return _without_row(trigger)
    row = rows.build(Draft(trigger))
    wanted = (row.created, *(getattr(row, name) for name in COLUMNS))
    unlike = [name for name, a, b in zip(("payload", *COLUMNS), wanted, stored, strict=True) if a != b]
    if not unlike:
        return Comparison.EQUAL
    log.error("workflows.mirror_differs", instance_id=str(trigger.id), columns=unlike)
    return Comparison.DIFFERS


def _without_row(trigger: Trigger) -> Comparison:
    """Tell a start that found its key taken, as the drainer would have, from one that never was."""
    key = {"env_id": trigger.env_id, "definition": trigger.definition, "idempotency_key": trigger.idempotency_key}
    if trigger.idempotency_key is not None and Instance.objects.filter(**key).exists():
        return Comparison.EQUAL
    log.error("workflows.mirror_missing", instance_id=str(trigger.id))
    return Comparison.MISSING
