"""Find where instances stand, wherever they are, and all that came of one root."""

from uuid import UUID

from workflows import eventlog, places
from workflows.intake import lookup
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.view import InstanceView
from workflows.lineage import Lineage

MAX_TREE = 500

# The root itself has depth 0, which the index leaves out.
DESCENDANTS = """
SELECT id FROM workflows_instance WHERE root_id = %s AND depth > 0 AND env_id = %s
ORDER BY depth, accepted_at, id LIMIT %s"""


def find(env: Env, id_: UUID) -> Lineage | None:
    """Return the place of an instance of this environment, buffered or not.

    Raises:
        LookupUnavailable: there is no row and the buffer does not answer.
    """
    if found := places.in_env(id_, env.id):
        return found
    shown = lookup.find(env, id_)
    if shown is None or not shown.definition:
        return None
    return Lineage(id_, shown.root_id, shown.parent_id, shown.depth, (*shown.chain, shown.definition))


def tree(env: Env, id_: UUID, limit: int = MAX_TREE) -> list[InstanceView] | None:
    """Return what came of this instance's root, the root first, by generation and age; None where there is no such one.

    At most `limit`. Of those that are buffered only the instance asked for is in it: a row is not known by then.
    """
    shown = lookup.find(env, id_)
    if shown is None:
        return None
    rows = eventlog.execute(DESCENDANTS, (shown.root_id, env.id, limit - 1))
    found = lookup.find_rows(env, [shown.root_id, *(row[0] for row in rows)])
    found.setdefault(shown.id, shown)
    return sorted(found.values(), key=lambda each: (each.depth, *lookup.place(each)))


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
