"""What if: an org's recorded arrivals under other settings, and for comparison under those it has."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from mollifier import conf, simulation, tally
from mollifier.course import Point, Result
from mollifier.decision import NO_LIMIT, Limits
from mollifier.errors import BufferUnavailable, MollifierError
from mollifier.simulation import Terms
from workflows.flags import Flags
from workflows.intake import refresher

__all__ = ["Point", "Result", "Simulation", "SimulationRefused", "Wish", "check", "simulate"]

# Environments of one org whose record is replayed, and what else keeps one simulation in bounds.
MOST_ENVS = 100
MOST_RATE, MOST_RIVALS, MOST_COUNT, DAY_MS = 100_000, 100, 1_000_000, 86_400_000
FLAGS = ("limit", "window_ms", "hold_ms", "org_limit", "org_window_ms", "weight")
BOUNDS: dict[str, tuple[float, float]] = {
    "limit": (1, MOST_COUNT),
    "window_ms": (1, DAY_MS),
    "hold_ms": (0, DAY_MS),
    "org_limit": (0, MOST_COUNT),
    "org_window_ms": (1, DAY_MS),
    "weight": (0.01, 1000),
    "drain_rate": (1, MOST_RATE),
    "rivals": (0, MOST_RIVALS),
    "spread_ms": (1, 1000),
    "last_seconds": (1, 86_400),
}
# Assumed where no drain rate is set; the gate assumes the same when it tells when an entry's turn comes.
PACE_PER_SECOND = tally.PACE_PER_SECOND
STOPPED = {
    "triggers": "Only the first part of the record was replayed: it holds more than MOLLIFIER_SIMULATION_TRIGGERS.",
    "seconds": "It was stopped after MOLLIFIER_SIMULATION_SECONDS; what is shown is how far it came.",
    "drain": "The queue was not empty an hour after the last trigger: it is drained too slowly.",
}
Progress = Callable[[int, int], None]


class SimulationRefused(Exception):
    """It was not run. `code` says why; `field` names the value at fault, if one is."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to change; None is what the org has. `drain_rate` is of all drainers together, for all orgs.

    `rivals` are orgs of weight 1 that always have work; `spread_ms` is the part of its second in which a second's
    triggers come; of the record the last `last_seconds` are replayed.
    """

    limit: int | None = None
    window_ms: int | None = None
    hold_ms: int | None = None
    org_limit: int | None = None
    org_window_ms: int | None = None
    weight: float | None = None
    drain_rate: int | None = None
    rivals: int = 0
    spread_ms: int = 1_000
    last_seconds: int = 3_600

    @property
    def changes(self) -> dict[str, Any]:
        """What is other than now."""
        found = {name: getattr(self, name) for name in (*FLAGS, "drain_rate")}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What was replayed, under what settings, and what came of it; `now` is None when nothing was changed."""

    since: datetime
    until: datetime
    settings: dict[str, int | float]
    then: Result
    now: Result | None


def simulate(org_id: UUID, wish: Wish, progress: Progress | None = None) -> Simulation:
    """Replay the record of an org, whatever its mode, as if it were on for every environment.

    `progress` hears how many triggers are through, and of how many; first of the wish, then of what is now.

    Raises:
        SimulationRefused: org_not_found, values_invalid (with `field`), nothing_recorded, simulation_busy,
            simulation_too_short or buffer_unavailable.
    """
    check(wish)
    directory = refresher.current()
    if org_id not in directory.orgs:
        raise SimulationRefused("org_not_found", "There is no such organization.")
    own = directory.flags_of(org_id)
    envs = sorted(str(row.id) for row in directory.env_rows.values() if row.org_id == org_id)[:MOST_ENVS]
    asked = replace(own, **{name: value for name, value in wish.changes.items() if name in FLAGS})
    try:
        until = tally.now()
        since = until - timedelta(seconds=min(wish.last_seconds, conf.current().arrivals_seconds))
        recorded = tally.arrivals(str(org_id), envs, since, until)
        if not recorded:
            raise SimulationRefused(
                "nothing_recorded",
                f"Nothing was recorded since {since:%Y-%m-%d %H:%M:%S} UTC: set the org to shadow, and come back.",
            )
        then = simulation.run(str(org_id), recorded, _terms(asked, wish, wish.drain_rate), progress)
        now = simulation.run(str(org_id), recorded, _terms(own, wish, None), progress) if wish.changes else None
    except BufferUnavailable as error:
        raise SimulationRefused(
            error.code, "The buffer, which keeps the record, does not answer or is full."
        ) from error
    except MollifierError as error:
        raise SimulationRefused(error.code, f"{error}.".capitalize()) from error
    return Simulation(since=since, until=until, settings=_told(asked, wish), then=then, now=now)


def check(wish: Wish) -> None:
    """Refuse values that make no sense or would take too long.

    Raises:
        SimulationRefused: values_invalid.
    """
    for name, (least, most) in BOUNDS.items():
        value = getattr(wish, name)
        # A number that is none compares as false.
        if value is not None and not least <= value <= most:
            raise SimulationRefused(
                "values_invalid", f"{name} must be between {least:,} and {most:,}, not {value:,}.", name
            )


def _terms(flags: Flags, wish: Wish, drain_rate: int | None) -> Terms:
    return Terms(
        limits=_limits(flags),
        drain_rate=drain_rate or _drain_rate(),
        weight=flags.weight,
        rivals=wish.rivals,
        spread_ms=wish.spread_ms,
    )


def _limits(flags: Flags) -> Limits:
    """Return the org's limits and everybody's; definitions are not recorded by the second, so theirs are left out."""
    org_id, env_id = UUID(int=0), UUID(int=0)
    directory = replace(refresher.current(), flags={org_id: flags})
    return replace(directory.rollout(org_id, env_id).limits, definition=NO_LIMIT)


def _drain_rate() -> int:
    return conf.current().drain_rate or PACE_PER_SECOND


def _told(flags: Flags, wish: Wish) -> dict[str, int | float]:
    limits = _limits(flags)
    return {
        "limit": limits.env.count,
        "window_ms": limits.env.window_ms,
        "hold_ms": limits.env.hold_ms,
        "org_limit": limits.org.count,
        "org_window_ms": limits.org.window_ms,
        "weight": flags.weight,
        "drain_rate": wish.drain_rate or _drain_rate(),
        "rivals": wish.rivals,
        "spread_ms": wish.spread_ms,
    }
