"""Shapes of events, bindings and trees."""

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from workflows.api.serializers import Definition, Instance
from workflows.attributes import Key

# To Python `$` stands before a line break at the end too.
Type = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*$(?!\n)")]
Pattern = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=r"^[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*(\.\*)?$(?!\n)",
        description="A type such as `order.created`, or a prefix such as `order.*`.",
    ),
]
Condition = Annotated[str, Meta(max_length=500, description='Such as `payload.total > 100`; "" always holds.')]
LoopPolicy = Literal["ignore", "avoid_loop", "allow_all"]
Limit = Annotated[int, Meta(ge=-1, le=1_000_000, description="Live instances of the type; 0 asks no damper.")]
Seconds = Annotated[int, Meta(ge=1, le=31_536_000, description="Clamped to a minute at least, 7 days at most.")]


class EmitRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """An event that happened."""

    type: Type
    payload: Any = None
    key: Annotated[Key, Meta(description="Its name; the same key again starts nothing twice.")] | None = None
    cause: Annotated[UUID, Meta(description="What it was caused by: an instance of yours, or anything.")] | None = None


class EventOutcome(Struct, frozen=True):
    """What became of one matching binding."""

    binding_id: UUID
    definition: str
    outcome: Annotated[
        str,
        Meta(
            extra_json_schema={
                "enum": [
                    *("started", "buffered", "existing", "throttled", "rejected"),
                    *("full", "unavailable", "in_progress", "mismatch"),
                ]
            }
        ),
    ]
    reason: str | None
    message: str | None
    instance_id: UUID | None


class EmittedAnswer(Struct, frozen=True):
    """The event, and what it started. `kept`: what could not be taken now is submitted again by the service."""

    event_id: UUID
    key: str
    kept: bool
    outcomes: list[EventOutcome]


class BindingRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A wish that events of this environment start a definition."""

    pattern: Pattern
    definition: Definition
    condition: Condition = ""
    loop_policy: LoopPolicy = "avoid_loop"
    enabled: bool = True
    limit: Limit | None = None
    window_seconds: Seconds | None = None


class BindingChangeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be set of a binding; what is left out stays, null takes the definition's."""

    condition: Condition | UnsetType = UNSET
    loop_policy: LoopPolicy | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    limit: Limit | UnsetType | None = UNSET
    window_seconds: Seconds | UnsetType | None = UNSET


class Binding(Struct, frozen=True):
    """A binding. `scope` says whose events it is for; only those of the environment can be changed here."""

    id: UUID
    scope: Annotated[str, Meta(extra_json_schema={"enum": ["everybody", "org", "env"]})]
    pattern: str
    definition: str
    condition: str
    loop_policy: Annotated[str, Meta(extra_json_schema={"enum": ["ignore", "avoid_loop", "allow_all"]})]
    enabled: bool
    limit: int | None
    window_seconds: int | None


class BindingPage(Struct, frozen=True):
    """Bindings that are for events of the environment, newest first."""

    data: list[Binding]
    next_cursor: UUID | None


class BindingTest(Struct, frozen=True):
    """Whether an event would start the definition of one binding, and why not."""

    binding_id: UUID
    definition: str
    starts: bool
    reason: str | None


class BindingTestAnswer(Struct, frozen=True):
    """What an event would start; nothing is written."""

    matches: list[BindingTest]


class Tree(Struct, frozen=True):
    """What came of one root, the root first, by generation. Those that are buffered are not in it yet."""

    data: list[Instance]
