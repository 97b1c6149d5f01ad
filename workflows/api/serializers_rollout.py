"""Shapes of the shadow report's and the simulations' addresses; see serializers."""

from typing import Annotated

from msgspec import Meta, Struct

from workflows.api.serializers import Aware, Count, Milliseconds

MOST_DAYS = 92


class ShadowReportQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How far back to look."""

    days: Annotated[
        int, Meta(ge=1, le=MOST_DAYS, description="Days (UTC), today included; fewer where fewer are kept.")
    ] = 7


class Counted(Struct, frozen=True):
    """How many of one name."""

    name: str
    count: int


class ShadowReport(Struct, frozen=True):
    """What the gate saw of the key's org, and would have mollified; in mode `off` nothing is counted."""

    org: str
    days: int
    since: Aware
    arrived: int
    over: Annotated[int, Meta(description="Over a limit, or buffered for another reason where the org is `on`.")]
    would_buffer: Annotated[int, Meta(description="With those that order would have put behind them.")]
    share_percent: Annotated[float, Meta(description="`would_buffer` of `arrived`.")]
    trips: Annotated[int, Meta(description="How often a level tripped that was not.")]
    failed_open: int
    full: int
    wait_p50_ms: Annotated[float | None, Meta(description="Of an imagined queue; null when nothing would have waited.")]
    wait_p95_ms: float | None
    reasons: list[Counted]
    definitions: Annotated[list[Counted], Meta(description="Those with most over a limit; `*` are all others.")]


class SimulationRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; what is left out or null is as the org has it."""

    limit: Count | None = None
    window_ms: Milliseconds | None = None
    hold_ms: Annotated[int, Meta(ge=0, le=86_400_000)] | None = None
    org_limit: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    org_window_ms: Milliseconds | None = None
    weight: Annotated[float, Meta(ge=0.01, le=1000, description="It counts beside rivals only.")] | None = None
    drain_rate: (
        Annotated[int, Meta(ge=1, le=100_000, description="Entries a second of all drainers together.")] | None
    ) = None
    rivals: Annotated[int, Meta(ge=0, le=100, description="Other orgs of weight 1 that always have work.")] = 0
    spread_ms: Annotated[
        int, Meta(ge=1, le=1_000, description="The part of its second in which the triggers of a second come.")
    ] = 1_000
    last_seconds: Annotated[int, Meta(ge=1, le=86_400, description="How much of the record is replayed.")] = 3_600


class SimulationSettings(Struct, frozen=True):
    """What held in the simulation."""

    limit: int
    window_ms: int
    hold_ms: int
    org_limit: int
    org_window_ms: int
    weight: float
    drain_rate: int
    rivals: int
    spread_ms: int


class SimulationPoint(Struct, frozen=True):
    """The seconds from `at` on, `step_seconds` of them; depth and age are the worst in them."""

    at: Aware
    arrived: int
    buffered: int
    drained: int
    depth: int
    oldest_age_ms: float


class SimulationResult(Struct, frozen=True):
    """What became of the triggers."""

    triggers: int
    recorded: int
    passed: int
    buffered: int
    share_percent: Annotated[float, Meta(description="`buffered` of `triggers`.")]
    refused: Annotated[int, Meta(description="A cap was reached.")]
    trips: int
    reasons: list[Counted]
    peak_depth: int
    max_age_ms: float
    wait_p50_ms: float | None
    wait_p95_ms: float | None
    left: Annotated[int, Meta(description="Still queued at its end.")]
    stopped: Annotated[
        str, Meta(description="The cap that ended it early: `triggers`, `seconds` or `drain`; or empty.")
    ]
    step_seconds: int
    points: list[SimulationPoint]


class SimulationAnswer(Struct, frozen=True):
    """One simulation, and for comparison one of the settings as they are; null when nothing was changed."""

    org: str
    since: Aware
    until: Aware
    settings: SimulationSettings
    then: SimulationResult
    now: SimulationResult | None
