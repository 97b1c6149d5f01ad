"""One call of an action: its arguments, and whose it is."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID, uuid5

import msgspec

from workflows import places
from workflows.lineage import Lineage

A_co = TypeVar("A_co", bound="Arguments", covariant=True)


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an action takes; derive from it. Its repr shows the names alone: resolved, the values may be secrets."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(self.__struct_fields__)}>"


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Whose call it is.

    `step` names the one execution of a step that retries repeat; `secrets` are the places in the arguments where the
    definition itself names a secret, as JSON pointers (`checking.secret_places`).
    """

    org: UUID
    env: UUID
    instance: UUID
    step: str = ""
    secrets: list[str] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ActionCall(Generic[A_co]):
    """What an action gets."""

    name: str
    arguments: A_co
    scope: Scope = field(repr=False)

    @property
    def idempotency_key(self) -> str | None:
        """Return what stays the same when this very execution is tried again; None when its step has no name."""
        if not self.scope.step:
            return None
        return str(uuid5(self.scope.instance, f"action:{self.scope.step}"))

    def lineage(self) -> Lineage:
        """Return where the instance stands; one that has no row, as in a test, is its own root."""
        own = self.scope.instance
        return places.of_instances([own]).get(own) or Lineage(own, own)
