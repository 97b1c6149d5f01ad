"""Where instances that have a row stand among those that started one another."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from workflows import eventlog
from workflows.identity import Identity
from workflows.lineage import Lineage

PLACES = """
SELECT id, root_id, parent_id, depth, coalesce(chain, '{}') || definition
FROM workflows_instance WHERE id = ANY (%s)"""
IN_ENV = f"{PLACES} AND env_id = %s"


def of_instances(ids: Sequence[UUID]) -> Mapping[UUID, Lineage]:
    """Return the places of those of these instances that are rows, in one query."""
    return _read(PLACES, (list(ids),))


def in_env(id_: UUID, env_id: UUID) -> Lineage | None:
    """Return the place of an instance that is a row of this environment."""
    return _read(IN_ENV, ([id_], env_id)).get(id_)


def of_running(identity: Identity) -> Lineage:
    """Return the place of an instance whose code runs now; what its row does not tell any more, its identity does."""
    return of_instances([identity.id]).get(identity.id) or told_by(identity)


def told_by(identity: Identity) -> Lineage:
    """Return the place of an instance as far as its identity alone tells it."""
    return Lineage(identity.id, identity.root_id, None, identity.depth, (identity.definition,))


def _read(statement: str, parameters: Sequence[object]) -> dict[UUID, Lineage]:
    rows = eventlog.execute(statement, parameters)
    return {
        id_: Lineage(id_, root_id, parent_id, depth, tuple(chain)) for id_, root_id, parent_id, depth, chain in rows
    }
