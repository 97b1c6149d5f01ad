"""Idempotency keys under a caller's hand: what one is bound to, and how it is dropped.

Every function raises BufferUnavailable when Redis can't be reached.
"""

from dataclasses import dataclass
from uuid import UUID

from mollifier import client, keys, lua
from mollifier.decision import Binding, Scope

RESET = lua.load("reset")
LOOK_ONLY = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """The key names this id, which is not buffered: it is a row, or on its way to be one."""

    id: UUID
    age_ms: int


@dataclass(frozen=True, slots=True)
class Busy:
    """The key names this id, which is still buffered; nothing is changed."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Cleared:
    """The key named this id and is free now."""

    id: UUID


@dataclass(frozen=True, slots=True)
class NotFound:
    """The key is free."""


Reset = Bound | Busy | Cleared | NotFound


def look(scope: Scope, definition: str, key: str) -> Reset:
    """Say what a key is bound to; nothing is changed."""
    return _call(scope, definition, key, LOOK_ONLY)


def reset(scope: Scope, definition: str, key: str, id: UUID) -> Reset:  # noqa: A002
    """Free a key that names this id; Bound: it names another one by now."""
    return _call(scope, definition, key, str(id))


def _call(scope: Scope, definition: str, key: str, only: str) -> Reset:
    command = RESET.command(
        keys.partition_of(scope.org),
        now=0,
        place=keys.place(scope),
        bound_as=keys.digest(Binding(definition, key, "")),
        only=only,
    )
    match client.call(command):
        case [b"bound", id_, age_ms]:
            return Bound(UUID(id_.decode()), age_ms)
        case [b"busy", id_]:
            return Busy(UUID(id_.decode()))
        case [b"cleared", id_]:
            return Cleared(UUID(id_.decode()))
        case _:
            return NotFound()
