"""Hands on what instances have told: to parents, to children of the cancelled, and to what is bound to events."""

from uuid import UUID

import msgspec

from workflows import engine, outbox
from workflows.outbox import Told
from workflows.states import Status

ACTOR = "engine"


def deliver(limit: int) -> int:
    """Hand on up to `limit` rows of the outbox, oldest first; return how many are settled."""
    taken = outbox.take(limit, ())
    for row in taken.rows:
        if row.type == outbox.TERMINAL and _status(row) == Status.CANCELLED:
            _cancel_children(row.instance_id)
    told: set[int] = set()
    for parent_id, rows in outbox.by_parent(taken.rows).items():
        outbox.tell_parent(parent_id, rows)
        told.update(row.id for row in rows)
    outbox.settle([row for row in taken.rows if row.id not in told])
    return taken.settled + len(taken.rows)


def _status(row: Told) -> str:
    return str(msgspec.json.decode(row.payload)["status"])


def _cancel_children(parent_id: UUID) -> None:
    """Cancel what a cancelled instance has started; its children's children follow by their own rows."""
    for child_id in outbox.unfinished_children(parent_id):
        engine.cancel(child_id, f"its parent {parent_id} was cancelled", actor=ACTOR)
