"""B9, B10 and our side of B8: instances are started here and run by a pump in a process of its own."""

import signal
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from bench import result, rounds, triggers
from bench.result import Result, Samples, Target
from bench.rounds import Clock
from launch import environment, process
from settings import env
from workflows import conf, engine
from workflows.models import Instance
from workflows.rows import Draft
from workflows.states import Status

ROUNDS = 5
GIVE_UP_SECONDS = 60.0
LATENCIES = 200
STEPS, CHAINS = 1_000, 10
WIDTHS = (10, 25, 50)
PAYLOADS, PAYLOAD_BYTES = 50, 10 * 1024
TIMES = 10
MILLISECONDS = 1_000


def by_length(clock: Clock) -> list[Result]:
    """B9: what a step costs in a long instance, against short ones that make as many."""
    each = STEPS // CHAINS

    def long() -> float:
        return run("steps", b'{"n":%d}' % STEPS, 1) / STEPS * MILLISECONDS

    def short() -> float:
        seconds = sum(run("steps", b'{"n":%d}' % each, 1) for _ in range(CHAINS))
        return seconds / STEPS * MILLISECONDS

    with pump(0):
        run("steps", b'{"n":%d}' % each, 1)
        samples = rounds.in_turn(clock, ROUNDS, long, short)
    what = f"a step of {STEPS:,} in one instance, against {CHAINS} instances of {each} one after another"
    return [result.make("B9", what, "ms", samples, Target(1.3, at_least=False))]


def by_shape(clock: Clock) -> list[Result]:
    """B10: steps at once, races, and payloads; recorded."""
    shapes = [(f"fan_out_{n}", f"one instance of {n} steps at once", "fan_out", b'{"n":%d}' % n) for n in WIDTHS]
    shapes += [(f"race_{n}", f"one instance of a race of {n} steps", "chaos-race", b'{"n":%d}' % n) for n in WIDTHS]
    carried = b'{"fill":"%s","n":%d}' % (b"x" * PAYLOAD_BYTES, PAYLOADS)
    shapes.append(("payload", f"{PAYLOADS} steps that take and give 10 KB, one instance", "chaos-carry", carried))
    found: dict[str, list[float]] = {name: [] for name, *_ in shapes}
    with pump(0):
        run("noop", b"{}", 50)
        for _ in clock.rounds(ROUNDS):
            for name, _, definition, payload in shapes:
                taken = statistics.median(run(definition, payload, 1, poll_seconds=0.001) for _ in range(TIMES))
                found[name].append(taken * MILLISECONDS)
    return [
        result.make(f"B10.{name}", f"{what}: from start to the end", "ms", Samples(tuple(found[name])))
        for name, what, *_ in shapes
    ]


def run(definition: str, payload: bytes, count: int, poll_seconds: float = 0.02) -> float:
    """Start `count` instances at once; return the seconds until the last one has completed."""
    made = triggers.make(count, definition=definition, payload=payload, shards=1)
    began = time.time()
    engine.start_many([Draft(trigger) for trigger in made])
    return await_last([trigger.id for trigger in made], poll_seconds) - began


def latency_ms(count: int) -> float:
    """Start empty instances one after the other; return the median of what each took to its end."""
    found = []
    for trigger in triggers.make(count, payload=b"{}", shards=1):
        began = time.time()
        engine.start(trigger)
        found.append((await_last([trigger.id], poll_seconds=0.001) - began) * MILLISECONDS)
    return statistics.median(found)


def await_last(ids: Sequence[UUID], poll_seconds: float = 0.02) -> float:
    """Wait for every id to complete; return when the last one did, by the database's clock."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    completed = Instance.objects.filter(id__in=ids, status=Status.COMPLETED)
    while completed.count() < len(ids):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(ids) - completed.count()} of {len(ids)} instances did not complete")
        time.sleep(poll_seconds)
    last = completed.order_by("-finished_at").values_list("finished_at", flat=True)[0]
    assert last is not None
    return last.timestamp()


@contextmanager
def pump(shard: int) -> Iterator[None]:
    """Run a pump in a process of its own."""
    command = [sys.executable, str(environment.ROOT / "manage.py"), "workflow_pump", "--shard", str(shard)]
    child = process.spawn(command, env.data_dir() / "pump.log", death_signal=signal.SIGKILL)
    try:
        yield
    finally:
        process.stop(child, signal.SIGTERM, conf.current().stop_timeout_seconds + 5)
