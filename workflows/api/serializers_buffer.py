"""Shapes of the buffer's addresses; see serializers."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from workflows.api.serializers import MAX_LIST, Aware, Reason


class DecisionRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a dead letter is redriven or discarded; it is kept with the decision."""

    reason: Reason


class EntriesQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries of the buffer to list."""

    state: Literal["queued", "delayed", "leased", "failed"] | None = None
    cursor: Annotated[int, Meta(ge=0, le=2**63 - 1, description="`next_cursor` of the page before.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIST)] = 50


class Buffer(Struct, frozen=True):
    """What of the key's org is buffered."""

    org: str
    available: Annotated[bool, Meta(description="False while the buffer does not answer; the rest is null then.")]
    queued: int | None
    oldest_age_seconds: float | None


class BufferEntry(Struct, frozen=True):
    """One buffered trigger: how it stands, why it was buffered, and what was wrong when it was last tried."""

    id: UUID
    definition: Annotated[str, Meta(description="`unreadable` when this version can't read it; most is null then.")]
    state: Annotated[str, Meta(extra_json_schema={"enum": ["queued", "delayed", "leased", "failed"]})]
    reason: str | None
    accepted_at: Aware | None
    attempts: int
    lapses: Annotated[int, Meta(description="How often a drainer lost it.")]
    error: str | None
    cancelled: bool


class BufferPage(Struct, frozen=True):
    """Those accepted last first. A page may be short where few are in the state; `next_cursor` says if more follow."""

    data: list[BufferEntry]
    next_cursor: int | None


class Decided(Struct, frozen=True):
    """What was done with a dead letter."""

    id: UUID
    outcome: Annotated[str, Meta(extra_json_schema={"enum": ["redriven", "discarded"]})]
