"""The request to start an instance, as a value."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace
from uuid_utils.compat import uuid7

from workflows.lineage import Lineage, Loop


class Source(StrEnum):
    """Where a trigger comes from."""

    API = "api"
    EVENT = "event"
    SCHEDULE = "schedule"
    ADMIN = "admin"
    COMMAND = "command"
    PYTHON = "python"
    CHILD = "child"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The emitted event that a trigger comes from, and how its binding guards against too many of them.

    At most `limit` instances of its type and definition are live, of those that were made in the window; a limit of
    0 or less asks nothing. `cause` is what its emitter named, such as an instance.
    """

    type: str
    key: str
    cause: UUID | None = None
    limit: int = 0
    window_seconds: int = 0
    loop: Loop = Loop.AVOID_LOOP


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a caller asks for, before the definition is looked up; submission makes a Trigger of it.

    `payload` and `metadata` are JSON text. `bufferable` is false for ``buffer: "never"``. `sent_as` is what a caller
    named the request, where it did: the same name and body within ten minutes is the same request. `tell_left` asks
    what is left of the environment's limit. `parent` is the instance that asks, `origin` the event, where there is one.
    """

    org_id: UUID
    env_id: UUID
    definition: str
    payload: bytes = b"null"
    source: Source = Source.API
    metadata: bytes = b"{}"
    tags: tuple[str, ...] = ()
    idempotency_key: str | None = None
    run_after: datetime | None = None
    bufferable: bool = True
    sent_as: str | None = None
    tell_left: bool = False
    parent: Lineage | None = None
    origin: Origin | None = None
    id: UUID = field(default_factory=uuid7)


class Trigger(msgspec.Struct, kw_only=True, frozen=True, array_like=True, gc=False):
    """A wish for one instance; its id is made at the edge, and every later step is idempotent on it.

    `payload` and `metadata` are JSON text. `version` is the definition's, pinned at submission. `bufferable` is
    false when the caller will not have it buffered. `metadata_version` and `paused` are what became of it in the
    buffer. `event_type` and `event_key` are of the event it comes from, `cause` is what that was caused by, `chain` are
    the definitions from the root's to its parent's. `traceparent` names the span that it was handed in under, where
    traces are on.

    A snapshot holds the fields by their order here: a new one goes to the end, with a default.
    """

    id: UUID
    org_id: UUID
    env_id: UUID
    definition: str
    version: int
    shard: int
    payload: bytes
    source: Source
    accepted_at: datetime
    root_id: UUID
    metadata: bytes = b"{}"
    tags: tuple[str, ...] = ()
    idempotency_key: str | None = None
    run_after: datetime | None = None
    parent_id: UUID | None = None
    depth: int = 0
    bufferable: bool = True
    metadata_version: int = 0
    paused: bool = False
    event_type: str | None = None
    event_key: str | None = None
    cause: UUID | None = None
    chain: tuple[str, ...] = ()
    traceparent: str | None = None

    @property
    def lineage(self) -> Lineage:
        """Return the place of the instance that it becomes."""
        return Lineage(self.id, self.root_id, self.parent_id, self.depth, (*self.chain, self.definition))

    def evolve(self, **changes: Any) -> "Trigger":
        """Return it with other values."""
        return replace(self, **changes)


def fingerprint(definition: str, payload: bytes) -> str:
    """Name the body sent under an idempotency key: 128 bits of BLAKE2b as hex."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(definition.encode())
    digest.update(b"\0")
    digest.update(payload)
    return digest.hexdigest()
