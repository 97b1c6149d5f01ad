"""Steer instances wherever they are: the entry first, then the row."""

from dataclasses import dataclass
from uuid import UUID

from mollifier import buffer
from mollifier.entry import PatchOutcome
from mollifier.errors import BufferUnavailable
from workflows import engine
from workflows.engine import AlreadyFinished, Cancelled, FenceConflict, NotFound
from workflows.intake import lookup
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable
from workflows.states import Status

__all__ = ["AlreadyFinished", "Cancel", "Cancelled", "CancelledInBuffer", "FenceConflict", "NotFound", "cancel"]

# A buffered instance has no event yet.
BUFFERED_SEQ = 0


@dataclass(frozen=True, slots=True)
class CancelledInBuffer:
    """It will become a cancelled instance without having run; one that is a row this moment is cancelled there."""


Cancel = CancelledInBuffer | engine.Cancel


def cancel(env: Env, id_: UUID, reason: str, *, actor: str, expected_seq: int | None = None) -> Cancel:
    """Cancel an instance of this environment. `expected_seq` is the log's tail that the caller decided at.

    An entry that is drained meanwhile keeps the cancellation: settling sees it and the row is cancelled. One that was
    settled before is not found in the buffer any more, and its row is committed.

    Raises:
        LookupUnavailable: there is no row and the buffer does not answer.
    """
    reachable = True
    if expected_seq in (None, BUFFERED_SEQ):
        try:
            match buffer.cancel(lookup.scope_of(env), id_, reason):
                case PatchOutcome.APPLIED:
                    return CancelledInBuffer()
                case PatchOutcome.CANCELLED:
                    return AlreadyFinished(Status.CANCELLED)
                case PatchOutcome.NOT_FOUND:
                    pass
        except BufferUnavailable:
            reachable = False
    if lookup.is_row(env, id_):
        return engine.cancel(id_, reason, actor=actor, expected_seq=expected_seq)
    if not reachable:
        raise LookupUnavailable
    return NotFound()
