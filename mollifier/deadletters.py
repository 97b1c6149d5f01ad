"""Dead letters: entries that could not even be written as failures. They stay until someone decides about them.

Every function raises BufferUnavailable when Redis can't be reached.
"""

from uuid import UUID

from mollifier import buffer, client, keys, lua
from mollifier.decision import Scope
from mollifier.entry import DeadLetterOutcome

REDRIVE, DISCARD = lua.load("redrive"), lua.load("discard")


def redrive(scope: Scope, id: UUID, *, now_ms: float = 0) -> DeadLetterOutcome:  # noqa: A002
    """Try one again, with its attempts forgotten. Answers REDRIVEN, NOT_FAILED or NOT_FOUND."""
    script = REDRIVE.command(keys.partition_of(scope.org), now=int(now_ms * 1000), id=str(id), place=keys.place(scope))
    word, _ = client.call_all([script, buffer.promotion(now_ms=now_ms)])
    return DeadLetterOutcome(word.decode())


def discard(scope: Scope, id: UUID) -> DeadLetterOutcome:  # noqa: A002
    """Remove one and free its idempotency key. Answers DISCARDED, NOT_FAILED or NOT_FOUND."""
    script = DISCARD.command(keys.partition_of(scope.org), id=str(id), place=keys.place(scope))
    return DeadLetterOutcome(client.call(script).decode())
