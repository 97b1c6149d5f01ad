"""B8: the engine across processes. Instances are started here and run by pumps in processes of their own."""

import signal
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from bench import result, triggers
from bench.result import Result, Samples
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


def rates(clock: Clock) -> list[Result]:
    """Measure one pump, as `manage.py workflow_pump` runs it."""
    found: dict[str, list[float]] = {name: [] for name in ("many", "long", "short", "latency")}
    with pump(0):
        run("noop", b"{}", 50)
        for _ in clock.rounds(ROUNDS):
            found["many"].append(200 * 10 / run("steps", b'{"n":10}', 200))
            found["long"].append(100 / run("steps", b'{"n":100}', 1))
            found["short"].append(5000 / run("steps", b'{"n":1}', 5000))
            found["latency"].append(statistics.median(latencies_ms(LATENCIES)))
    samples = {name: Samples(tuple(values)) for name, values in found.items()}
    return [
        result.make("B8.200x10", "200 instances of 10 steps at once, one pump", "steps/s", samples["many"]),
        result.make("B8.1x100", "1 instance of 100 steps, one pump", "steps/s", samples["long"]),
        result.make("B8.5000x1", "5,000 instances of one step, one pump", "instances/s", samples["short"]),
        result.make("B8.empty", "an empty instance from start to finished, p50", "ms", samples["latency"]),
    ]


def run(definition: str, payload: bytes, count: int) -> float:
    """Start `count` instances at once; return the seconds until the last one has completed."""
    made = triggers.make(count, definition=definition, payload=payload, shards=1)
    began = time.time()
    engine.start_many([Draft(trigger) for trigger in made])
    return await_last([trigger.id for trigger in made]) - began


def latencies_ms(count: int) -> list[float]:
    """Start instances one after the other; return how long each took to the end."""
    found = []
    for trigger in triggers.make(count, payload=b"{}", shards=1):
        began = time.time()
        engine.start(trigger)
        found.append((await_last([trigger.id], poll_seconds=0.001) - began) * 1000)
    return found


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
