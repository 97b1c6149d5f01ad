"""Shapes of the bulk actions' addresses; see serializers."""

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from workflows.api.serializers import MAX_LIST, Aware, Reason

Verb = Literal["cancel", "cancel_backlog", "redrive", "replay_suppressed"]
State = Literal["pending", "running", "done", "aborted", "failed"]
Search = Annotated[
    str, Meta(min_length=1, max_length=1000, description="A search, never empty: `status:waiting -tag:vip age>5m`.")
]


class BulkRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What to do, to what, and why. A dry run counts, and needs no reason."""

    action: Verb
    filter: Search
    dry_run: bool = False
    reason: Reason | None = None


class AbortRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why an action is aborted; without a reason, "Aborted by a caller"."""

    reason: Reason | None = None


class BulkQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to read on in the list."""

    cursor: Annotated[UUID, Meta(description="`next_cursor` of the page before.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIST)] = 50


class BulkCounted(Struct, frozen=True):
    """What a dry run found. With `more` there are at least that many."""

    action: Verb
    filter: str
    count: int
    more: bool
    sample: list[dict[str, Any]]


class BulkAction(Struct, frozen=True):
    """One verb on all that a search found. `total` was counted beforehand; `skipped` had ended or moved by itself."""

    id: UUID
    action: Verb
    filter: str
    reason: str
    by: str
    state: State
    total: int | None
    more: bool
    done: int
    skipped: int
    failed: int
    sample: list[dict[str, Any]]
    note: str
    aborting: Annotated[bool, Meta(description="It was asked to end, and will after its batch.")]
    created_at: Aware
    started_at: Aware | None
    heartbeat_at: Aware | None
    finished_at: Aware | None


class BulkPage(Struct, frozen=True):
    """Newest first."""

    data: list[BulkAction]
    next_cursor: UUID | None
