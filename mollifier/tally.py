"""What the gate saw of each org: arrivals by the second, and by the day what its limits would have buffered.

Counted in the process, told to Redis each second beside the gate's own exchanges (see `telemetry`), so that a decision
costs nothing more. All of it is bounded, and goes by itself.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

from mollifier import client, keys, lua
from mollifier.conf import Conf
from mollifier.decision import Arrival, Decision, Full, Mirrored, Mollify, Passed, PassThrough, Reason, Scope, ShadowLog

TALLY = lua.load("tally")
# Assumed while nothing was drained yet, as the gate does where it tells when an entry's turn comes.
PACE_PER_SECOND = 500
WAIT_BOUNDS_MS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000)
PASSED, FAILED_OPEN, FULL, TRIPS, WOULD = "passed", "fail_open", "full", "trips", "would"
PASSES = {Passed.ROOM.value: (PASSED, 0), Passed.FAIL_OPEN.value: (FAILED_OPEN, 0)}
DAY_SECONDS, MINUTE = 86_400, 60
MOST_DAYS = 92
# Org, environment, definition, second on this process's clock, and what was decided.
Seen = tuple[str, str, str, int, str]


@dataclass(frozen=True, slots=True)
class Report:
    """What one org's gate saw from `since` on: `reasons` are of what was over a limit, or had to be buffered.

    `would_buffer` counts what stands behind an imagined queue too; its waits are those of that queue, None when none.
    `definitions` are those with most over a limit; those that were not told apart are one, `*`.
    """

    since: datetime
    arrived: int = 0
    reasons: tuple[tuple[str, int], ...] = ()
    trips: int = 0
    would_buffer: int = 0
    failed_open: int = 0
    full: int = 0
    wait_p50_ms: float | None = None
    wait_p95_ms: float | None = None
    definitions: tuple[tuple[str, int], ...] = ()

    @property
    def over(self) -> int:
        return sum(count for _, count in self.reasons)


@dataclass(frozen=True, slots=True)
class Second:
    """What arrived in an environment in one second, and how much of that was over a limit."""

    at: int
    env: str
    arrived: int
    over: int


def words(decision: Decision) -> tuple[str, int] | None:
    """Return what a decision counts as, and the trips it began; None for what is no arrival or cost no exchange."""
    if isinstance(decision, PassThrough):
        return PASSES.get(decision.why.value)
    if isinstance(decision, ShadowLog | Mirrored | Mollify):
        return decision.reason.value, decision.trips
    return (FULL, 0) if isinstance(decision, Full) else None


def seen(arrival: Arrival, decision: Decision, second: int) -> Sequence[tuple[Seen, int]]:
    """Return what to count of one decision."""
    counted = words(decision)
    if counted is None:
        return ()
    word, trips = counted
    scope = arrival.scope
    one: tuple[Seen, int] = ((scope.org, scope.env, arrival.definition, second, word), 1)
    return (one, ((scope.org, scope.env, "", second, TRIPS), trips)) if trips else (one,)


LIMITED = {Reason.GLOBAL_RATE, Reason.ORG_RATE, Reason.ENV_RATE, Reason.DEFINITION_RATE}


def commands(counts: Mapping[Seen, int], clock: float, settings: Conf, now_ms: float = 0) -> list[lua.Command]:
    """Return the calls that tell Redis: one for each environment. `clock` is now, on the clock of the seconds."""
    places: defaultdict[Scope, Counter[Seen]] = defaultdict(Counter)
    for key, count in counts.items():
        places[Scope(key[0], key[1])][key] = count
    return [_command(scope, found, clock, settings, now_ms) for scope, found in places.items()]


def _command(scope: Scope, found: Mapping[Seen, int], clock: float, settings: Conf, now_ms: float) -> lua.Command:
    arrived: Counter[int] = Counter()
    over: Counter[int] = Counter()
    tallies: Counter[tuple[str, str]] = Counter()
    for (_, _, definition, second, word), count in found.items():
        tallies["c", word] += count
        if word == TRIPS:
            continue
        arrived[second] += count
        if word in LIMITED:
            over[second] += count
            tallies["d", definition] += count
    seconds = [
        (max(0, round((clock - second - 0.5) * 1_000_000)), arrived[second], over[second]) for second in sorted(arrived)
    ]
    return TALLY.command(
        keys.partition_of(scope.org),
        tail=[*chain(*seconds), *chain(*((kind, name, count) for (kind, name), count in tallies.items()))],
        now=round(now_ms * 1000),
        org=scope.org,
        place=keys.place(scope),
        rate=settings.drain_rate,
        pace=PACE_PER_SECOND,
        kept_seconds=settings.arrivals_seconds,
        kept_days=settings.report_days,
        most=settings.report_definitions,
        seconds=len(seconds),
    )


def report(org: str, days: int, *, top: int = 10) -> Report:
    """Add up the org's last `days` days, today included (UTC).

    Raises:
        BufferUnavailable: Redis can't be reached.
    """
    days = max(1, min(days, MOST_DAYS))
    today = int(client.call(("TIME",))[0]) // DAY_SECONDS
    first = today - days + 1
    prefix = keys.key("tally", keys.partition_of(org)) + org
    found = client.call_all([("HGETALL", f"{prefix}:{day}") for day in range(first, today + 1)])
    sums: Counter[str] = Counter()
    for fields in found:
        pairs = fields.items() if isinstance(fields, dict) else zip(fields[::2], fields[1::2], strict=True)
        for name, count in pairs:
            sums[name.decode()] += int(count)
    return _report(datetime.fromtimestamp(first * DAY_SECONDS, UTC), sums, top)


def _report(since: datetime, sums: Mapping[str, int], top: int) -> Report:
    counts = {name[2:]: count for name, count in sums.items() if name.startswith("c:")}
    definitions = Counter({name[2:]: count for name, count in sums.items() if name.startswith("d:")})
    reasons = Counter({each.value: counts[each.value] for each in Reason if each.value in counts})
    waits = [sums.get(f"w:{bound}", 0) for bound in WAIT_BOUNDS_MS] + [sums.get("w:inf", 0)]
    return Report(
        since=since,
        arrived=counts.get(PASSED, 0) + counts.get(FAILED_OPEN, 0) + counts.get(FULL, 0) + reasons.total(),
        reasons=tuple(reasons.most_common()),
        trips=counts.get(TRIPS, 0),
        would_buffer=counts.get(WOULD, 0),
        failed_open=counts.get(FAILED_OPEN, 0),
        full=counts.get(FULL, 0),
        wait_p50_ms=quantile(waits, 0.5),
        wait_p95_ms=quantile(waits, 0.95),
        definitions=tuple(definitions.most_common(top)),
    )


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Estimate a quantile of counts by WAIT_BOUNDS_MS, evenly within a bound; beyond the last it is the last."""
    total = sum(counts)
    if not total:
        return None
    wanted, so_far = share * total, 0
    for at, bound in enumerate(WAIT_BOUNDS_MS):
        if so_far + counts[at] >= wanted and counts[at]:
            low = WAIT_BOUNDS_MS[at - 1] if at else 0
            return low + (bound - low) * (wanted - so_far) / counts[at]
        so_far += counts[at]
    return float(WAIT_BOUNDS_MS[-1])


def arrivals(org: str, envs: Sequence[str], since: datetime, until: datetime) -> list[Second]:
    """Return what arrived in these environments from `since` until before `until`, oldest first; what is kept of it.

    Raises:
        BufferUnavailable: Redis can't be reached.
    """
    first, last = int(since.timestamp()), int(until.timestamp())
    minutes = range(first // MINUTE, (last - 1) // MINUTE + 1)
    found: list[Second] = []
    for env in envs:
        prefix = keys.key("arrivals", keys.partition_of(org)) + keys.place(Scope(org, env))
        for minute, fields in zip(minutes, _minutes(prefix, minutes), strict=True):
            found += _seconds(env, minute, fields)
    return sorted((each for each in found if first <= each.at < last), key=lambda each: (each.at, each.env))


def _minutes(prefix: str, minutes: range) -> list[Mapping[str, int]]:
    replies = client.call_all([("HGETALL", f"{prefix}:{minute}") for minute in minutes]) if minutes else []
    pairs = [
        fields.items() if isinstance(fields, dict) else zip(fields[::2], fields[1::2], strict=True)
        for fields in replies
    ]
    return [{name.decode(): int(count) for name, count in each} for each in pairs]


def _seconds(env: str, minute: int, fields: Mapping[str, int]) -> list[Second]:
    return [
        Second(minute * MINUTE + at, env, arrived, fields.get(f"o{at}", 0))
        for at in range(MINUTE)
        if (arrived := fields.get(f"a{at}", 0))
    ]


def now() -> datetime:
    """Return the time of the server that counts.

    Raises:
        BufferUnavailable: Redis can't be reached.
    """
    seconds, microseconds = client.call(("TIME",))
    return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(microseconds))
