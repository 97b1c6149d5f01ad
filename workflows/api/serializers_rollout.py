"""Shapes of the shadow report's and the simulations' addresses; see serializers."""

from typing import Annotated

from msgspec import Meta, Struct

from workflows.api.serializers import Aware

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
