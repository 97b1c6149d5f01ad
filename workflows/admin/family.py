"""An instance among those it comes from and those that came of it: a bounded tree, statuses only."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from workflows import eventlog
from workflows.intake.view import InstanceView

SHOWN = 100

# The way up to the root, its own children, then the rest of the root's descendants by generation.
READ = """
WITH RECURSIVE line AS (
    SELECT id, parent_id, 0 AS step FROM workflows_instance WHERE id = ANY (%(start)s)
    UNION ALL
    SELECT above.id, above.parent_id, line.step + 1
    FROM line JOIN workflows_instance above ON above.id = line.parent_id WHERE line.step < %(highest)s
), near AS (
    (SELECT id, 0 AS rank FROM line)
    UNION ALL
    (SELECT id, 0 FROM workflows_instance WHERE id = %(root)s)
    UNION ALL
    (SELECT id, 1 FROM workflows_instance
     WHERE parent_id = %(id)s ORDER BY accepted_at, id LIMIT %(limit)s)
    UNION ALL
    (SELECT id, 2 FROM workflows_instance
     WHERE root_id = %(root)s AND depth > 0 ORDER BY depth, accepted_at, id LIMIT %(limit)s)
), ranked AS (
    SELECT id, min(rank) AS rank FROM near GROUP BY id
)
SELECT i.id, i.parent_id, i.definition, i.status, i.depth, i.accepted_at
FROM ranked JOIN workflows_instance i USING (id) ORDER BY ranked.rank, i.depth, i.accepted_at, i.id LIMIT %(limit)s"""
HIGHEST = 100


@dataclass(frozen=True, slots=True)
class Member:
    """One instance of a family; `level` counts from the first one shown above it."""

    id: UUID
    parent_id: UUID | None
    definition: str
    status: str
    depth: int
    accepted_at: datetime
    level: int = 0


@dataclass(frozen=True, slots=True)
class Family:
    """Instances, each behind its parent. `cut`: there are more."""

    members: tuple[Member, ...]
    cut: bool


def read(instance: InstanceView) -> Family:
    """Read who belongs to an instance, buffered or not; 1 query."""
    start = [id_ for id_ in (instance.id, instance.parent_id) if id_]
    values = {
        "id": instance.id,
        "start": start,
        "root": instance.root_id,
        "limit": SHOWN + 1,
        "highest": HIGHEST,
    }
    found = [Member(*row) for row in eventlog.execute(READ, values)]
    if all(each.id != instance.id for each in found):
        place = (instance.depth, instance.accepted_at)
        own = Member(instance.id, instance.parent_id, instance.definition, instance.status, *place)
        found.insert(0, own)
    return Family(tuple(nest(found[:SHOWN])), len(found) > SHOWN)


def nest(found: list[Member]) -> list[Member]:
    """Put each behind its parent, siblings by age; one whose parent is not there stands for itself."""
    known = {each.id for each in found}
    below: dict[UUID | None, list[Member]] = {}
    for each in sorted(found, key=lambda each: (each.depth, each.accepted_at, each.id)):
        below.setdefault(each.parent_id if each.parent_id in known and each.parent_id != each.id else None, []).append(
            each
        )
    nested: list[Member] = []
    left = [(each, 0) for each in reversed(below.get(None, []))]
    while left:
        each, level = left.pop()
        nested.append(replace(each, level=level))
        left += [(child, level + 1) for child in reversed(below.pop(each.id, []))]
    return nested
