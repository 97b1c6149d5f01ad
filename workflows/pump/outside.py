"""What a pump asks of the world beyond the engine; called from its claimer's and committer's threads."""

from collections.abc import Collection, Sequence
from typing import Protocol

from workflows.fence import Failure, Offspring
from workflows.trigger import Trigger


class Outside(Protocol):
    """Whoever runs pumps hands one in. Each method may use the database, and raises its errors when it is away."""

    def learn(self, wanted: Collection[tuple[str, int]]) -> None:
        """Register these versions of definitions, where they are stored."""
        ...

    def place(self, children: Sequence[Offspring]) -> Sequence[Trigger | Failure]:
        """Return the trigger of each child, or why it can't be started."""
        ...

    def relay(self, limit: int) -> int:
        """Hand on what instances have told the outbox; return how many rows were settled."""
        ...
