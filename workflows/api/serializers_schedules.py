"""Shapes of the schedules' addresses; see serializers."""

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from workflows.api.serializers import Aware, Definition

Expression = Annotated[
    str,
    Meta(min_length=1, max_length=100, description="Five fields: minute hour day month weekday. Or `@daily` and such."),
]
Zone = Annotated[str, Meta(min_length=1, max_length=64, description="A name like Europe/Lisbon.")]
Overlapping = Annotated[
    Literal["skip", "allow", "queue"],
    Meta(description="What a fire does while the instance before has not finished; of those that queue one waits."),
]
CatchingUp = Annotated[Literal["none", "last"], Meta(description="Which of the fires that were missed is made up for.")]


class ScheduleRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """When to start what. It fires from now on."""

    definition: Definition
    cron: Expression
    timezone: Zone = "UTC"
    payload: Any = None
    overlap: Overlapping = "skip"
    catch_up: CatchingUp = "last"
    enabled: bool = True


class ScheduleChangeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; what is left out stays."""

    definition: Definition | UnsetType = UNSET
    cron: Expression | UnsetType = UNSET
    timezone: Zone | UnsetType = UNSET
    payload: Any = UNSET
    overlap: Overlapping | UnsetType = UNSET
    catch_up: CatchingUp | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class Schedule(Struct, frozen=True):
    """A definition started by the clock, and how its last fire ended."""

    id: UUID
    definition: str
    cron: str
    timezone: str
    payload: Raw
    overlap: str
    catch_up: str
    enabled: bool
    next_at: Annotated[Aware, Meta(description="The fire that is due next; null while it is switched off.")] | None
    queued_at: Annotated[Aware, Meta(description="The fire that waits for the instance before to finish.")] | None
    last_at: Annotated[Aware, Meta(description="The fire that was looked at last.")] | None
    last_outcome: (
        Annotated[
            str,
            Meta(
                extra_json_schema={
                    "enum": [
                        "started",
                        "buffered",
                        "existing",
                        "skipped",
                        "queued",
                        "missed",
                        "rejected",
                        "deferred",
                    ]
                }
            ),
        ]
        | None
    )
    last_detail: str
    last_instance: UUID | None
    created_at: Aware


class SchedulePage(Struct, frozen=True):
    """Newest first."""

    data: list[Schedule]
    next_cursor: UUID | None
