"""Find where instances stand, wherever they are, and all that came of one root."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from workflows import eventlog
from workflows.identity import Identity
from workflows.intake import lookup
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.view import InstanceView
from workflows.lineage import Lineage

MAX_TREE = 500

PLACES = """
SELECT id, root_id, parent_id, depth, coalesce(chain, '{}') || definition
FROM workflows_instance WHERE id = ANY (%s)"""
IN_ENV = f"{PLACES} AND env_id = %s"
# The root itself has depth 0, which the index leaves out.
DESCENDANTS = """
SELECT id FROM workflows_instance WHERE root_id = %s AND depth > 0 AND env_id = %s ORDER BY depth, id LIMIT %s"""


def of_instances(ids: Sequence[UUID]) -> Mapping[UUID, Lineage]:
    """Return the places of those of these instances that are rows, in one query."""
    return _places(PLACES, (list(ids),))


def of_running(identity: Identity) -> Lineage:
    """Return the place of an instance whose step runs now; what its row does not tell any more, its identity does."""
    known = of_instances([identity.id]).get(identity.id)
    return known or Lineage(identity.id, identity.root_id, None, identity.depth, (identity.definition,))


def find(env: Env, id_: UUID) -> Lineage | None:
    """Return the place of an instance of this environment, buffered or not.

    Raises:
        LookupUnavailable: there is no row and the buffer does not answer.
    """
    if found := _places(IN_ENV, ([id_], env.id)).get(id_):
        return found
    shown = lookup.find(env, id_)
    if shown is None or not shown.definition:
        return None
    return Lineage(id_, shown.root_id, shown.parent_id, shown.depth, (*shown.chain, shown.definition))


def tree(env: Env, id_: UUID, limit: int = MAX_TREE) -> list[InstanceView] | None:
    """Return what came of this instance's root, the root first, by generation; None where there is no such instance.

    At most `limit`. Of those that are buffered only the instance asked for is in it: a row is not known by then.
    """
    shown = lookup.find(env, id_)
    if shown is None:
        return None
    rows = eventlog.execute(DESCENDANTS, (shown.root_id, env.id, limit - 1))
    found = lookup.find_rows(env, [shown.root_id, *(row[0] for row in rows)])
    found.setdefault(shown.id, shown)
    return sorted(found.values(), key=lambda each: (each.depth, each.id))


def asking(env: Env, parent: UUID | None, sent: Lineage | None) -> Lineage | None:
    """Return the instance that makes a request: the one it names, else the one its headers tell of.

    One that is not of this environment is believed as the headers tell it: a chain through several environments is
    then still seen, and a caller that lies only stops itself.
    """
    named = parent or (sent.instance_id if sent else None)
    if named is None:
        return None
    try:
        known = find(env, named)
    except LookupUnavailable:
        known = None
    if known is None:
        return sent if sent and sent.instance_id == named else Lineage(named, named)
    return known


def _places(statement: str, parameters: Sequence[object]) -> dict[UUID, Lineage]:
    rows = eventlog.execute(statement, parameters)
    return {
        id_: Lineage(id_, root_id, parent_id, depth, tuple(chain)) for id_, root_id, parent_id, depth, chain in rows
    }
