"""B1, B2 and B7: what the gate costs, against a script that does nothing with the same bytes, and without Redis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from django.test.utils import override_settings
from django_redis import get_redis_connection

from bench import arrivals, result, rounds
from bench.result import Ceiling, Result, Samples, Target
from bench.rounds import Clock
from mollifier import client, conf, gate, lua
from mollifier.decision import (
    Arrival,
    Decision,
    Mode,
    Mollify,
    Passed,
    PassThrough,
    Reason,
    ShadowLog,
)

ROUNDS = 7
CALLS, PIPELINES, PIPELINE = 500, 30, 100
UNASKED = 20_000
NOTHING = "return {'passed', 'room'}"
MICROSECONDS = 1_000_000
BEGAN_MS = 1_700_000_000_000.0


@dataclass(frozen=True)
class Kind:
    """One way through the gate. With a `step_ms` the clock moves so far for each trigger: 500 a second may pass."""

    name: str
    mode: Mode
    answer: type[Decision]
    one: float
    pipelined: float
    keyed: bool = False
    step_ms: float = 0

    def make(self, count: int) -> list[Arrival]:
        return arrivals.make(count, mode=self.mode, limits=arrivals.USUAL, keyed=self.keyed)

    def prepare(self) -> None:
        """Start from nothing; what is to be accepted meets a backlog."""
        redis().flushdb()
        if self.answer is Mollify:
            gate.admit_many(self.make(1), force=Reason.DATABASE_UNAVAILABLE)

    def now_ms(self, number: int) -> float:
        return BEGAN_MS + number * self.step_ms if self.step_ms else 0


# The targets: times as long as nothing at most, and its rate at least.
ACCEPTED = Kind("accepted", Mode.ON, Mollify, 1.5, 0.4)
KINDS = (
    Kind("shadow", Mode.SHADOW, ShadowLog, 1.3, 0.6, step_ms=0.5),
    Kind("passed", Mode.ON, PassThrough, 1.3, 0.5, step_ms=2.5),
    ACCEPTED,
    Kind("keyed", Mode.ON, Mollify, 1.7, 0.35, keyed=True),
)


def against_nothing(clock: Clock) -> list[Result]:
    """B1: one call, a 2 KB snapshot."""
    found = []
    for kind in KINDS:
        samples = sampled(clock, kind, CALLS, 1, lambda seconds: seconds * MICROSECONDS)
        what = f"one admit of 2 KB, {kind.name}, against a script that does nothing with the same bytes"
        found.append(result.make(f"B1.{kind.name}", what, "us", samples, Target(kind.one, at_least=False)))
    served = Samples(tuple(server_time(ACCEPTED) for _ in range(3)))
    return [*found, result.make("B1.server", "the server's time of an accept", "us", served, Ceiling(40))]


def pipelined(clock: Clock) -> list[Result]:
    """B2: pipelines of 100."""
    found = []
    for kind in KINDS:
        samples = sampled(clock, kind, PIPELINES, PIPELINE, lambda seconds: PIPELINE / seconds)
        what = f"admits of 2 KB by pipelines of {PIPELINE}, {kind.name}, against as many scripts that do nothing"
        found.append(result.make(f"B2.{kind.name}", what, "triggers/s", samples, Target(kind.pipelined)))
    return found


def unasked(clock: Clock) -> list[Result]:
    """B7: what is decided without Redis."""
    (one,) = arrivals.make(1, mode=Mode.OFF)
    sent_before = commands_sent()
    off = rounds.in_turn(clock, ROUNDS, lambda: each(gate.admit, one), lambda: each(same, one))
    with override_settings(MOLLIFIER={"DIVERT": False}):
        (enrolled,) = arrivals.make(1)
        undiverted = rounds.in_turn(clock, ROUNDS, lambda: each(gate.admit, enrolled), lambda: each(same, enrolled))
    # The count itself is one.
    assert commands_sent() == sent_before + 1, "the gate asked Redis"
    return [
        result.make("B7.off", "admit while the org is off, against a function call", "us", off, Ceiling(3)),
        result.make("B7.divert", "admit while DIVERT is off, against a function call", "us", undiverted, Ceiling(3)),
    ]


def sampled(clock: Clock, kind: Kind, times: int, size: int, shown: Callable[[float], float]) -> Samples:
    """Measure pipelines of so many arrivals, their commands made and their answers read."""
    pairs = [measured(kind, times, size) for _ in clock.rounds(ROUNDS)]
    ours, other = zip(*pairs, strict=True)
    return Samples(tuple(map(shown, ours)), tuple(map(shown, other)))


def measured(kind: Kind, times: int, size: int) -> tuple[float, float]:
    """Return the median seconds of a pipeline, and of one that does nothing."""
    made = [kind.make(size) for _ in range(times)]
    idle = [without_effect(some) for some in made]
    kind.prepare()
    decisions: list[Decision] = []

    def admit(number: int) -> None:
        now_ms = kind.now_ms(number * size)
        if size == 1:
            decisions.append(gate.admit(made[number][0], now_ms=now_ms))
        else:
            decisions.extend(gate.admit_many(made[number], now_ms=now_ms))

    seconds = rounds.by_turns(times, admit, lambda number: client.exchange(idle[number], 5))
    check(kind, decisions)
    return seconds


def without_effect(made: Sequence[Arrival]) -> list[lua.Command]:
    """Return what the gate sends for these, under the name of a script that does nothing."""
    sha = redis().script_load(NOTHING)
    settings = conf.current()
    sent = [gate.command(one, settings, 0, None, None) for one in made]
    return [(command[0], sha, *command[2:]) for command in sent]


def server_time(kind: Kind) -> float:
    """Return the mean microseconds that the server spends on one accept."""
    made = kind.make(CALLS)
    kind.prepare()
    redis().config_resetstat()
    for one in made:
        gate.admit(one)
    return float(redis().info("commandstats")["cmdstat_evalsha"]["usec_per_call"])


def each(call: Callable[[Arrival], object], one: Arrival) -> float:
    """Return the mean microseconds of many calls."""
    began = perf_counter()
    for _ in range(UNASKED):
        call(one)
    return (perf_counter() - began) / UNASKED * MICROSECONDS


def same(one: Arrival) -> Arrival:
    return one


def check(kind: Kind, decisions: Sequence[Decision]) -> None:
    """Refuse a measurement of anything else than the kind: a few may pass before the limit is met, none fails open."""
    others = [one for one in decisions if not isinstance(one, kind.answer)]
    opened = [one for one in decisions if one == PassThrough(Passed.FAIL_OPEN)]
    assert not opened, f"{len(opened)} failed open"
    assert len(others) <= len(decisions) // 4, f"{len(others)} of {len(decisions)} were not {kind.name}"


def commands_sent() -> int:
    return int(redis().info("stats")["total_commands_processed"])


def redis() -> Any:
    return get_redis_connection("buffer")
