"""Shapes of the rollout plans' addresses; see serializers."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from workflows.api.serializers import MAX_LIST, Aware, Mode, Reason

PlanState = Literal["running", "paused", "finished", "rolled_back", "aborted"]
Most = Annotated[int, Meta(ge=0, le=2_000_000_000)]


class PlanStep(Struct, frozen=True, forbid_unknown_fields=True):
    """A mode and a percentage of the environments, and how long they must hold before the next."""

    mode: Mode
    percent: Annotated[int, Meta(ge=0, le=100)]
    bake_seconds: Annotated[int, Meta(ge=60, le=2_592_000)]


class PlanGuardrailsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """How much is too much since a step began, of everybody; what is left out takes its default."""

    max_drain_failures: Most | UnsetType = UNSET
    max_dwell_p95_ms: Most | UnsetType = UNSET
    max_stale: Most | UnsetType = UNSET
    max_fail_open_percent: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET


class RolloutPlanRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A plan of the key's org; without steps those that a new plan has on its page."""

    reason: Reason
    steps: Annotated[list[PlanStep], Meta(min_length=1, max_length=20)] | None = None
    guardrails: PlanGuardrailsRequest = PlanGuardrailsRequest()


class RolloutPlanVerbRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


class RolloutPlansQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to read on in the list."""

    cursor: Annotated[int, Meta(ge=1, le=2**63 - 1, description="`next_cursor` of the page before.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIST)] = 50


class PlanLimits(Struct, frozen=True):
    """The guardrails of a plan."""

    max_drain_failures: int
    max_dwell_p95_ms: int
    max_stale: int
    max_fail_open_percent: float


class PlanOrigin(Struct, frozen=True):
    """What an abort goes back to."""

    mode: str
    percent: int


class PlanEvent(Struct, frozen=True):
    """One thing that happened to a plan, and what was measured then."""

    kind: str
    step: int
    by: str
    reason: str
    measured: dict[str, Any]
    created_at: Aware


class RolloutPlan(Struct, frozen=True):
    """An org's way up. `step` counts from 0, and has been held since `step_at`."""

    id: int
    org: str
    status: PlanState
    steps: list[PlanStep]
    step: int
    step_at: Aware
    guardrails: PlanLimits
    before: PlanOrigin
    reason: str
    by: str
    created_at: Aware
    ended_at: Aware | None
    events: Annotated[list[PlanEvent] | None, Meta(description="What happened to it, oldest first; null in a list.")]


class RolloutPlanPage(Struct, frozen=True):
    """Newest first."""

    data: list[RolloutPlan]
    next_cursor: int | None
