"""Hands on what instances have told: to parents, to children of the cancelled, and to what is bound to events."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import msgspec
import structlog
from uuid_utils.compat import uuid7

from workflows import engine, faults, matching, outbox, places
from workflows.intake import emission, events, refresher
from workflows.intake.directory import Directory
from workflows.intake.events import BindingOutcome, Emitted
from workflows.intake.refresher import DirectoryUnavailable
from workflows.lineage import Lineage
from workflows.outbox import Told
from workflows.states import Status

log = structlog.get_logger(__name__)

ACTOR = "engine"
# Events that are submitted together at the most.
TOGETHER = 100


def deliver(limit: int) -> int:
    """Hand on up to `limit` rows of the outbox, oldest first; return how many are settled.

    Without a directory nothing is taken, since it is not known which ends interest nobody.
    """
    try:
        directory = refresher.current()
    except DirectoryUnavailable:
        return 0
    taken = outbox.take(limit, _bound(directory))
    waiting: set[int] = set()
    for row in taken.rows:
        with _apart([row], waiting):
            if row.type == outbox.TERMINAL and _End.of(row).status == Status.CANCELLED:
                _cancel_children(row.instance_id)
    _submit(directory, [row for row in taken.rows if row.id not in waiting], waiting)
    families = outbox.by_parent([row for row in taken.rows if row.id not in waiting])
    told = {row.id for rows in families.values() for row in rows}
    for parent_id, rows in families.items():
        with _apart(rows, waiting):
            outbox.tell_parent(parent_id, rows)
    outbox.put_off([row for row in taken.rows if row.id in waiting])
    outbox.settle([row for row in taken.rows if row.id not in told and row.id not in waiting])
    return taken.settled + len(taken.rows) - len(waiting)


@contextmanager
def _apart(rows: Sequence[Told], waiting: set[int]) -> Iterator[None]:
    """Have rows that can't be handed on wait, and keep no others back; while a store is away all do."""
    try:
        yield
    except DirectoryUnavailable:
        raise
    except Exception as error:
        if faults.is_away(error):
            raise
        log.exception("workflows.told_in_vain", instance_ids=[str(row.instance_id) for row in rows])
        waiting.update(row.id for row in rows)


def _bound(directory: Directory) -> Collection[UUID]:
    """Return the environments in which the end of an instance starts something."""
    envs = {env.id: env.org.id for env in directory.envs.values()}
    return directory.bindings.environments(matching.ENDINGS, envs)


def _submit(directory: Directory, rows: Sequence[Told], waiting: set[int]) -> None:
    """Start what is bound to these events; those that have to be submitted again later are to wait.

    An end that a parent waits for is kept as an event of its own then, so that the parent does not wait for it.
    """
    wanted: list[Told] = []
    for row in rows:
        with _apart([row], waiting):
            wanted += [row] if _has_match(directory, row) else []
    parents = places.of_instances([row.instance_id for row in wanted]) if wanted else {}
    by_env: dict[UUID, list[tuple[Told, Emitted]]] = {}
    for row in wanted:
        with _apart([row], waiting):
            by_env.setdefault(row.env_id, []).append((row, _emitted(row, parents.get(row.instance_id))))
    for told in (each[at : at + TOGETHER] for each in by_env.values() for at in range(0, len(each), TOGETHER)):
        for row, emitted, outcomes in _submitted(told, waiting):
            with _apart([row], waiting):
                if events.is_settled(outcomes):
                    continue
                if outbox.by_parent([row]):
                    emission.keep(uuid7(), emitted)
                else:
                    waiting.add(row.id)


def _submitted(
    told: Sequence[tuple[Told, Emitted]], waiting: set[int]
) -> list[tuple[Told, Emitted, Sequence[BindingOutcome]]]:
    """Submit events of one environment together; where that breaks each apart, so that one keeps no others back."""
    try:
        together = events.submit_all([emitted for _, emitted in told])
        return [(row, emitted, outcomes) for (row, emitted), outcomes in zip(told, together, strict=True)]
    except DirectoryUnavailable:
        raise
    except Exception as error:
        if faults.is_away(error):
            raise
        log.warning("workflows.not_told_together", error=faults.told(error))
    found: list[tuple[Told, Emitted, Sequence[BindingOutcome]]] = []
    for row, emitted in told:
        with _apart([row], waiting):
            found.append((row, emitted, events.submit_matching(emitted)))
    return found


def _emitted(row: Told, parent: Lineage | None) -> Emitted:
    """Return what a row tells as an event, with the lineage of its instance."""
    return Emitted(
        org_id=row.org_id,
        env_id=row.env_id,
        type=row.type,
        payload=row.payload.encode(),
        key=row.key,
        cause=row.instance_id,
        parent=parent,
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
