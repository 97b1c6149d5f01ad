"""What people watch: depth, flow, age. Read at once, bounded, from shared state; nothing is kept per process."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mollifier import client, keys, lua
from mollifier.errors import BufferUnavailable

OVERVIEW = lua.load("overview")
TOP_ORGS = 50
# Rates are of whole seconds that are over.
RATE_SECONDS = 5
MICROSECONDS = 1_000_000
# A sweep that did not come round for so many of its intervals has stopped.
CYCLES_LATE = 3


@dataclass(frozen=True, slots=True)
class OrgDepth:
    """An org's queued entries; `oldest_age_seconds` is None when it has none."""

    org: str
    queued: int
    oldest_age_seconds: float | None
    weight: float


@dataclass(frozen=True, slots=True)
class Overview:
    """The buffer at one moment. Without `available` Redis did not answer, and the rest is empty.

    `paused` and `full` count the orgs and environments whose queued work stands aside; `claimable_age_seconds` is that
    of the oldest which does not. `stale` and `orphaned` are what the sweep found: entries that waited too long, ids
    without an entry.
    """

    buffered: int = 0
    queued: int = 0
    delayed: int = 0
    leased: int = 0
    failed: int = 0
    mirrored: int = 0
    bytes: int = 0
    oldest_age_seconds: float | None = None
    claimable_age_seconds: float | None = None
    in_per_second: float = 0.0
    drained_per_second: float = 0.0
    drainer_last_claim_at: datetime | None = None
    drainer_last_beat_at: datetime | None = None
    stale: int = 0
    orphaned: int = 0
    sweep_last_cycle_at: datetime | None = None
    sweep_last_pass_at: datetime | None = None
    claim_size: int = 0
    paused: int = 0
    full: int = 0
    orgs: tuple[OrgDepth, ...] = ()
    available: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """Some seconds from `at` on: the depth at their end, what entered and left in them, and its mean wait."""

    at: datetime
    depth: int
    entered: int
    drained: int
    dwell_ms: float | None


def overview() -> Overview:
    """Read everything the Overview page shows; never raises."""
    try:
        return _overview()
    except BufferUnavailable:
        return Overview()


def _overview() -> Overview:
    reply = client.call(OVERVIEW.command(top=TOP_ORGS))
    clock, flat, delayed, failed, alone, paused, full, oldest, rows, swept, claimable = reply
    now = _us(clock)
    totals = dict(zip(flat[::2], flat[1::2], strict=True))
    buffered, in_queues = int(totals.get(b"n", 0)), int(totals.get(b"q", 0))
    entered, drained, _ = _flow(now, RATE_SECONDS + 1)
    second = now // MICROSECONDS
    over = range(second - RATE_SECONDS, second)
    cycle, swept_at, stale, stale_alone, orphaned = swept
    return Overview(
        buffered=buffered,
        queued=in_queues + alone,
        delayed=delayed,
        leased=buffered - in_queues - alone - delayed - failed,
        failed=failed,
        mirrored=int(totals.get(b"mirrored", 0)),
        bytes=int(totals.get(b"b", 0)),
        oldest_age_seconds=_age(now, oldest),
        claimable_age_seconds=_age(now, claimable),
        in_per_second=sum(entered[at] for at in over) / RATE_SECONDS,
        drained_per_second=sum(drained[at] for at in over) / RATE_SECONDS,
        drainer_last_claim_at=_moment(totals.get(b"claimed_at")),
        drainer_last_beat_at=_moment(totals.get(b"beat")),
        stale=int(stale or 0) + int(stale_alone or 0),
        orphaned=int(orphaned or 0),
        sweep_last_cycle_at=_moment(cycle),
        sweep_last_pass_at=_moment(swept_at),
        claim_size=int(totals.get(b"asked", 0)),
        paused=paused,
        full=full,
        orgs=_orgs(now, rows),
        available=True,
    )


def of_orgs(orgs: Sequence[str]) -> dict[str, OrgDepth]:
    """Return the depth of these orgs.

    Raises:
        BufferUnavailable: Redis can't be reached.
    """
    if not orgs:
        return {}
    reply = client.call(OVERVIEW.command(top=0, tail=orgs))
    return {row.org: row for row in _orgs(_us(reply[0]), reply[8])}


def series(seconds: int = 900, step: int = 5) -> list[Point]:
    """Return the last `seconds` in steps, oldest first, up to the last whole second; an hour is kept.

    Raises:
        BufferUnavailable: Redis can't be reached.
    """
    clock, depth = client.call_all([("TIME",), ("HGET", keys.key("totals"), "n")])
    end = int(clock[0])
    entered, drained, waited = _flow(end * MICROSECONDS, seconds + 1)
    level = int(depth or 0) - entered[end] + drained[end]
    points: list[Point] = []
    # Backwards from the depth that is known, undoing what entered and left.
    for start in range(end - step, end - seconds - 1, -step):
        span = range(start, start + step)
        gone_in, gone_out = sum(entered[at] for at in span), sum(drained[at] for at in span)
        dwell = sum(waited[at] for at in span) / gone_out if gone_out else None
        points.append(Point(datetime.fromtimestamp(start, UTC), max(0, level), gone_in, gone_out, dwell))
        level += gone_out - gone_in
    return points[::-1]


def decisions() -> dict[tuple[str, str], int]:
    """Return how often the gate decided each outcome for each reason, since the counters began.

    Raises:
        BufferUnavailable: Redis can't be reached.
    """
    return {
        (name.split(":")[1], name.split(":")[2]): count
        for name, count in counters().items()
        if name.startswith("gate:")
    }


def counters() -> dict[str, int]:
    """Return all counters by name.

    Raises:
        BufferUnavailable: Redis can't be reached.
    """
    found = client.call(("HGETALL", keys.key("counters")))
    return {name.decode(): int(count) for name, count in _items(found)}


def _flow(now: int, seconds: int) -> tuple[Counter[int], Counter[int], Counter[int]]:
    """Return what entered, what left and how long that waited (ms), each by second."""
    last = now // MICROSECONDS // 60
    minutes = list(range((now // MICROSECONDS - seconds) // 60, last + 1))
    found = client.call_all([("HGETALL", f"{keys.key('flow')}{minute}") for minute in minutes])
    kinds: dict[str, Counter[int]] = {"i": Counter(), "o": Counter(), "w": Counter()}
    for minute, fields in zip(minutes, found, strict=True):
        for name, count in _items(fields):
            kinds[name[:1].decode()][minute * 60 + int(name[1:])] = int(count)
    return kinds["i"], kinds["o"], kinds["w"]


def _items(found: Any) -> Any:
    return found.items() if isinstance(found, dict) else zip(found[::2], found[1::2], strict=True)


def _orgs(now: int, rows: Sequence[Any]) -> tuple[OrgDepth, ...]:
    parts = zip(rows[::4], rows[1::4], rows[2::4], rows[3::4], strict=True)
    return tuple(
        OrgDepth(org.decode(), int(float(queued)), _age(now, oldest), float(weight))
        for org, queued, oldest, weight in parts
    )


def _us(clock: Sequence[bytes]) -> int:
    return int(clock[0]) * MICROSECONDS + int(clock[1])


def _moment(microseconds: bytes | None) -> datetime | None:
    return None if microseconds is None else datetime.fromtimestamp(int(microseconds) / MICROSECONDS, UTC)


def _age(now: int, seq: bytes | None) -> float | None:
    return None if seq is None else max(0.0, (now - int(float(seq))) / MICROSECONDS)
