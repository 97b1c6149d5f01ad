"""The stale sweep: which entries have waited too long, without reading one; and what lapsed leases left behind.

A cycle goes over every environment with queued work, in passes of at most SWEEP_ORGS orgs. Cursor and findings are in
Redis, so any process may make the next pass and every process tells the same numbers. One sweeper works at a time.
"""

import logging
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from math import inf
from time import monotonic

from mollifier import buffer, client, lua
from mollifier.conf import Conf

logger = logging.getLogger(__name__)
SWEEP, LEAVE = lua.load("sweep"), lua.load("sweep_leave")
# Longer than any one exchange; a sweeper that died is followed after it.
LOCK_MS = 30_000
ENVS_SHOWN = 20
MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class EnvAge:
    """One environment's queue: how much is in it, how much of that is stale, and how long the oldest has waited."""

    org: str
    env: str
    queued: int
    stale: int
    oldest_age_seconds: float


@dataclass
class SweepReport:
    """What one run did. Without `swept` another sweeper is at work and nothing was done.

    `wrapped` says that the cycle is complete, `stale` how many entries are known to be stale now; `oldest` are, of the
    environments that were looked at, those that wait longest.
    """

    swept: bool = False
    wrapped: bool = False
    passes: int = 0
    orgs: int = 0
    envs: int = 0
    stale: int = 0
    orphaned: int = 0
    repaired: int = 0
    reclaimed: int = 0
    oldest: list[EnvAge] = field(default_factory=list)


def run(
    settings: Conf,
    until: float = inf,
    *,
    passes: float = inf,
    stop_requested: Callable[[], bool] = lambda: False,
    now_ms: float = 0,
) -> SweepReport:
    """Go on with the cycle until it is complete, or until the monotonic time, so many passes, or a stop.

    Raises:
        BufferUnavailable: Redis can't be reached; the next run goes on where this one was.
    """
    token, report = uuid.uuid4().hex, SweepReport()
    while not report.wrapped and report.passes < passes and monotonic() < until and not stop_requested():
        if not _pass(token, settings, now_ms, report):
            break
        report.reclaimed += buffer.reclaim(now_ms=now_ms)
    if report.swept:
        client.call(LEAVE.command(token=token))
        found = {name: value for name, value in asdict(report).items() if name != "oldest"}
        logger.info("mollifier.swept", extra=found)
    return report


def _pass(token: str, settings: Conf, now_ms: float, report: SweepReport) -> bool:
    """Make one pass and add it to the report; False when another sweeper is at work."""
    reply = client.call(
        SWEEP.command(
            now=int(now_ms * 1000),
            token=token,
            lock_ms=LOCK_MS,
            at_most=settings.sweep_orgs,
            stale_after=int(settings.sweep_stale_seconds * MICROSECONDS),
        )
    )
    if reply[0] == b"held":
        return False
    _, wrapped, orgs, envs, stale, orphaned, repaired, now, places, orphans = reply
    report.swept, report.wrapped, report.stale = True, bool(wrapped), stale
    report.passes += 1
    report.orgs += orgs
    report.envs += envs
    report.orphaned += orphaned
    report.repaired += repaired
    ages = [_age(int(now), *places[at : at + 4]) for at in range(0, len(places), 4)]
    # Passes go by age, so the first ones hold those that wait longest.
    report.oldest = [*report.oldest, *ages][:ENVS_SHOWN]
    if orphans:
        logger.error("mollifier.entries_missing", extra={"entries": [each.decode() for each in orphans]})
    return True


def _age(now: int, place: bytes, oldest: bytes, queued: int, stale: int) -> EnvAge:
    org, env = place.decode().split("/")
    return EnvAge(org, env, queued, stale, max(0.0, (now - int(float(oldest))) / MICROSECONDS))
