"""Finds where a child may run: the same preflight as for any trigger, and no gate."""

from collections.abc import Sequence

from django.db import OperationalError

from workflows import places
from workflows.fence import Failure, Offspring
from workflows.intake import preflight
from workflows.intake.outcome import Unavailable
from workflows.intake.preflight import Ready
from workflows.lineage import Lineage
from workflows.trigger import Request, Source, Trigger


def place(children: Sequence[Offspring]) -> list[Trigger | Failure]:
    """Return the trigger of each child, or why it can't be started.

    Raises:
        OperationalError: the database is away, and what is known in memory is too old.
    """
    parents = places.of_instances(list({child.parent.id for child in children}))
    return [_place(child, parents.get(child.parent.id)) for child in children]


def _place(child: Offspring, lineage: Lineage | None) -> Trigger | Failure:
    parent = child.parent
    checked = preflight.check(
        Request(
            org_id=parent.org_id,
            env_id=parent.env_id,
            definition=child.definition,
            payload=child.payload.encode(),
            source=Source.CHILD,
            id=child.id,
            parent=lineage or places.told_by(parent),
        )
    )
    match checked:
        case Ready(trigger=trigger):
            return trigger
        case Unavailable():
            raise OperationalError("the directory of definitions is not available")
        case rejected:
            return Failure(rejected.code, rejected.message)
