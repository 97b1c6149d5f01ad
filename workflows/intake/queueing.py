"""Where a buffered instance stands in its environment's queue."""

from uuid import UUID

from mollifier import positions
from mollifier.errors import BufferUnavailable
from mollifier.positions import Position
from workflows.intake import lookup
from workflows.intake.directory import Env

__all__ = ["Position", "find"]


def find(env: Env, id_: UUID) -> Position | None:
    """Return its place in the queue; None when it is not in it, or Redis does not answer."""
    try:
        return positions.find(lookup.scope_of(env), id_)
    except BufferUnavailable:
        return None
