"""Hands on what instances have told: to parents, to children of the cancelled, and to what is bound to events."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from workflows import engine, matching, outbox, places
from workflows.intake import emission, events, refresher
from workflows.intake.directory import Directory
from workflows.intake.events import Emitted
from workflows.intake.refresher import DirectoryUnavailable
from workflows.outbox import Told
from workflows.states import Status

ACTOR = "engine"


def deliver(limit: int) -> int:
    """Hand on up to `limit` rows of the outbox, oldest first; return how many are settled.

    Without a directory nothing is taken, since it is not known which ends interest nobody.
    """
    try:
        directory = refresher.current()
    except DirectoryUnavailable:
        return 0
    taken = outbox.take(limit, _bound(directory))
    for row in taken.rows:
        if row.type == outbox.TERMINAL and _End.of(row).status == Status.CANCELLED:
            _cancel_children(row.instance_id)
    families = outbox.by_parent(taken.rows)
    told = {row.id for rows in families.values() for row in rows}
    waiting = _submit(directory, taken.rows, told)
    for parent_id, rows in families.items():
        outbox.tell_parent(parent_id, rows)
    outbox.put_off([row for row in taken.rows if row.id in waiting])
    outbox.settle([row for row in taken.rows if row.id not in told and row.id not in waiting])
    return taken.settled + len(taken.rows) - len(waiting)


def _bound(directory: Directory) -> Collection[UUID]:
    """Return the environments in which the end of an instance starts something."""
    envs = {env.id: env.org.id for env in directory.envs.values()}
    return directory.bindings.environments(matching.ENDINGS, envs)


def _submit(directory: Directory, rows: Sequence[Told], told: Collection[int]) -> set[int]:
    """Start what is bound to these events; return those that have to be submitted again later.

    An end that a parent waits for is kept as an event of its own then, so that the parent does not wait for it.
    """
    waiting: set[int] = set()
    for emitted, row in _emitted(directory, rows):
        if events.is_settled(events.submit_matching(emitted)):
            continue
        if row.id in told:
            emission.keep(uuid7(), emitted)
        else:
            waiting.add(row.id)
    return waiting


def _emitted(directory: Directory, rows: Sequence[Told]) -> Iterable[tuple[Emitted, Told]]:
    """Yield the rows that something may be bound to, with the lineage of their instances."""
    wanted = [row for row in rows if _has_match(directory, row)]
    parents = places.of_instances([row.instance_id for row in wanted]) if wanted else {}
    for row in wanted:
        yield (
            Emitted(
                org_id=row.org_id,
                env_id=row.env_id,
                type=row.type,
                payload=row.payload.encode(),
                key=row.key,
                cause=row.instance_id,
                parent=parents.get(row.instance_id),
            ),
            row,
        )


def _has_match(directory: Directory, row: Told) -> bool:
    if row.type == outbox.TERMINAL and _End.of(row).quiet:
        return False
    return bool(directory.bindings.named(matching.names_of(row.type, row.payload.encode())))


class _End(msgspec.Struct):
    """How an instance ended. A clean-up is quiet: only the family hears of it."""

    status: str
    quiet: bool = False

    @classmethod
    def of(cls, row: Told) -> "_End":
        return msgspec.json.decode(row.payload, type=cls)


def _cancel_children(parent_id: UUID) -> None:
    """Cancel what a cancelled instance has started; its children's children follow by their own rows."""
    for child_id in outbox.unfinished_children(parent_id):
        engine.cancel(child_id, f"its parent {parent_id} was cancelled", actor=ACTOR)
