"""Where an entry stands in the queue of its environment, for people."""

from dataclasses import dataclass
from uuid import UUID

from mollifier import client, keys
from mollifier.decision import Scope


@dataclass(frozen=True, slots=True)
class Position:
    """How many stand before it in its environment's queue; `paused` when an operator keeps that queue from draining."""

    ahead: int
    paused: bool


def find(scope: Scope, id_: UUID) -> Position | None:
    """Return where an entry stands; None when it is not in the queue.

    Raises:
        BufferUnavailable: Redis can't be reached.
    """
    place, paused = keys.place(scope), keys.key("paused")
    ahead, org_paused, env_paused = client.call_all(
        [
            ("ZRANK", keys.key("queue") + place, str(id_)),
            ("SISMEMBER", paused, scope.org),
            ("SISMEMBER", paused, place),
        ]
    )
    return None if ahead is None else Position(int(ahead), bool(org_paused or env_paused))
