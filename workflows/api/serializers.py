"""Shapes of the API: what bodies may hold and what answers do; the OpenAPI schema is made from these too."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from workflows.attributes import Key, Operation, Tag, Tags

MAX_TRIGGERS = 1000
MAX_LIST = 200
MAX_EVENTS = 1000
MAX_CHANGES = 100

Definition = Annotated[str, Meta(min_length=1, max_length=100, description="Slug of a workflow definition.")]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]
Aware = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Milliseconds = Annotated[int, Meta(ge=1, le=86_400_000)]
Mode = Literal["off", "shadow", "mirror", "on"]
STATUSES = Literal[
    "buffered",
    "pending",
    "running",
    "waiting",
    "paused",
    "completed",
    "failed",
    "cancelled",
    "system_failure",
    "superseded",
]


class PageQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to read on in a list of what is made by hand."""

    cursor: Annotated[UUID, Meta(description="`next_cursor` of the page before.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIST)] = 50


class TriggerRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A wish for one instance."""

    definition: Definition
    payload: Any = None
    idempotency_key: Annotated[Key, Meta(description="Unique per definition and environment.")] | None = None
    tags: Tags = ()
    metadata: Annotated[dict[str, Any], Meta(description="Yours; never read by the service.")] = {}
    run_after: Annotated[Aware, Meta(description="Not before this time; at most a year ahead.")] | None = None
    parent: Annotated[UUID, Meta(description="The instance that asks; this one stands below it.")] | None = None
    buffer: Annotated[
        Literal["auto", "never"], Meta(description="`never`: start it now or fail; it is not counted.")
    ] = "auto"


class BatchRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Triggers that stand for themselves: one that is refused refuses no other. Each is decoded on its own."""

    triggers: Annotated[list[Raw], Meta(max_length=MAX_TRIGGERS)]


AsOf = Annotated[Aware, Meta(description="Only if nothing was logged at this time or later; instead of `If-Match`.")]
SomeTags = Annotated[tuple[Tag, ...], Meta(max_length=MAX_CHANGES)]


class CancelRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why an instance is cancelled; without a reason, "Cancelled by a caller"."""

    reason: Reason | None = None
    as_of: AsOf | None = None


class TagsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Tags to take away, then tags to add."""

    add: SomeTags = ()
    remove: SomeTags = ()
    as_of: AsOf | None = None


class MetadataRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Operations on members of the metadata, in order, all or none."""

    operations: Annotated[tuple[Operation, ...], Meta(min_length=1, max_length=MAX_CHANGES)]
    expected_version: (
        Annotated[int, Meta(ge=0, le=2_147_483_647, description="The `metadata_version` this was decided at.")] | None
    ) = None
    as_of: AsOf | None = None


class RescheduleRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """When an instance that has not started may; a time that has passed means now."""

    run_after: Aware
    as_of: AsOf | None = None


class PauseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing has to be said to pause an instance, or to resume it."""

    as_of: AsOf | None = None


class FlagsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """All flags of an org at once; what is left out or null takes the service's default."""

    mode: Mode
    reason: Reason
    percent: Annotated[int, Meta(ge=0, le=100)] = 100
    limit: Count | None = None
    window_ms: Milliseconds | None = None
    hold_ms: Annotated[int, Meta(ge=0, le=86_400_000)] | None = None
    org_limit: Annotated[int, Meta(ge=0, le=2_147_483_647)] | None = None
    org_window_ms: Milliseconds | None = None
    weight: Annotated[float, Meta(ge=0.01, le=1000)] = 1.0
    paused: Annotated[bool, Meta(description="Nothing of the org is drained; what is buffered waits.")] = False


class ListQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Filters of the list of instances; all given ones hold."""

    status: STATUSES | None = None
    definition: Definition | None = None
    tag: Tag | None = None
    since: Annotated[Aware, Meta(description="Accepted at this time or later.")] | None = None
    q: Annotated[str, Meta(max_length=1000, description="A search: `status:failed -tag:vip age>5m`.")] | None = None
    cursor: Annotated[str, Meta(max_length=80, description="`next_cursor` of the page before.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIST)] = 50


class EventsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to read on in a log."""

    after: Annotated[int, Meta(ge=0, le=2_147_483_647, description="The `seq` read last.")] = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_EVENTS)] = MAX_EVENTS


class NoQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """For an address that takes no query parameters."""


class Notice(Struct, frozen=True):
    """Why a buffered instance has not started, and when it is likely to."""

    code: str
    message: str
    position: int | None = None
    eta_seconds: float | None = None


class Error(Struct, frozen=True):
    """Why an instance ended without completing."""

    code: str
    message: str


Status = Annotated[str, Meta(extra_json_schema={"enum": list(get_args(STATUSES))})]


class Hook(Struct, frozen=True):
    """Where a payload can be handed to an instance; who knows the token may."""

    name: str
    token: str
    url: Annotated[str, Meta(description="POST `{payload, resume_id?}` to it; on this host.")]


class Origin(Struct, frozen=True):
    """The emitted event that started an instance."""

    type: str
    key: str


class Instance(Struct, frozen=True):
    """One run of a workflow definition, buffered or not."""

    id: UUID
    definition: str
    version: int
    status: Status
    org: str
    env: str
    source: str
    tags: tuple[str, ...]
    metadata: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
    metadata_version: Annotated[int, Meta(description="How often the metadata was changed.")]
    payload: Raw
    output: Raw
    error: Error | None
    shard: int
    root_id: UUID
    parent_id: UUID | None
    depth: int
    cause: Annotated[UUID | None, Meta(description="What its event was caused by: most often an instance.")]
    event: Origin | None
    hooks: Annotated[tuple[Hook, ...], Meta(description="Those that can be resumed; told when it is read singly.")]
    notice: Notice | None
    accepted_at: Aware
    run_after: Aware | None
    created_at: Aware | None
    started_at: Aware | None
    finished_at: Aware | None


class InstancePage(Struct, frozen=True):
    """Newest first, buffered ones in their place."""

    data: list[Instance]
    next_cursor: str | None


class Event(Struct, frozen=True):
    """One row of an instance's log."""

    seq: int
    type: str
    correlation_id: str
    data: Raw
    created_at: Aware


class EventPage(Struct, frozen=True):
    """Rows in log order; read on with `after` while the last one's `seq` is below `last_seq`."""

    events: list[Event]
    last_seq: int


class FaultOfField(Struct, frozen=True):
    """One of several faults in a body."""

    pointer: str
    code: str
    detail: str


class Problem(Struct, frozen=True, omit_defaults=True):
    """RFC 9457. Act on `code`; `pointer` names the fault in the body, `parameter` the query parameter or header."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    pointer: str | UnsetType = UNSET
    parameter: str | UnsetType = UNSET
    retry_after_seconds: int | UnsetType = UNSET
    errors: Annotated[list[FaultOfField], Meta(description="Each fault, where there may be several.")] | UnsetType = (
        UNSET
    )


class ClearedKey(Struct, frozen=True):
    """A key that is free now."""

    cleared: Annotated[UUID, Meta(description="The instance that the key was of; it goes on without it.")]


class Flags(Struct, frozen=True):
    """Flags of the key's org as every process will have them within 2 s; null means the service's default."""

    org: str
    mode: Annotated[str, Meta(extra_json_schema={"enum": list(get_args(Mode))})]
    percent: int
    limit: int | None
    window_ms: int | None
    hold_ms: int | None
    org_limit: int | None
    org_window_ms: int | None
    weight: float
    paused: bool
    version: int
