"""B18: how long a trigger is held up at the gate while Redis is unreachable, hangs, or refuses to write."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from statistics import quantiles
from time import perf_counter
from typing import Any

from django.core.cache import caches
from django.test.utils import override_settings
from django_redis import get_redis_connection

from bench import arrivals, result
from bench.result import Ceiling, Result, Samples
from bench.rounds import Clock
from mollifier import gate
from mollifier.decision import Passed, PassThrough

ROUNDS = 5
CALLS = 1_000
MILLISECONDS = 1_000
# The exchange has 50 ms; what the machine adds to it is not the gate's.
P99_MS, WORST_MS = 50, 60


def held_up(clock: Clock) -> list[Result]:
    """B18: the first triggers wait their exchange, then the breaker lets them by."""
    worlds: dict[str, tuple[str, Callable[[], AbstractContextManager[None]]]] = {
        "unreachable": ("nobody listens at its port", unreachable),
        "hung": ("its process is stopped", hung),
        "refusing": ("it is out of memory", refusing),
    }
    found = []
    for name, (what, world) in worlds.items():
        # Other benchmarks are patient with a busy machine; here the product's own patience is measured.
        with override_settings(MOLLIFIER={}):
            rounds = [measured(world) for _ in clock.rounds(ROUNDS)]
        p99, worst = (Samples(tuple(each)) for each in zip(*rounds, strict=True))
        told = f"{CALLS:,} triggers one after another while {what}"
        found.append(result.make(f"B18.{name}", f"{told}: p99 at the gate", "ms", p99, Ceiling(P99_MS)))
        found.append(result.make(f"B18.{name}_worst", f"{told}: the longest", "ms", worst, Ceiling(WORST_MS)))
    return found


def measured(world: Callable[[], AbstractContextManager[None]]) -> tuple[float, float]:
    """Return the 99th percentile and the maximum, in ms; every trigger must have passed."""
    redis().flushdb()
    made = arrivals.make(CALLS, limits=arrivals.USUAL)
    # A connection that was good until now, as a web process has it.
    gate.admit(made[0])
    gate.breaker.succeeded()
    times = []
    with world():
        for one in made[1:]:
            began = perf_counter()
            decision = gate.admit(one)
            times.append((perf_counter() - began) * MILLISECONDS)
            assert decision == PassThrough(Passed.FAIL_OPEN), f"it was decided: {decision}"
    gate.breaker.succeeded()
    return quantiles(times, n=100)[98], max(times)


@contextmanager
def unreachable() -> Iterator[None]:
    known = caches.settings
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"redis://127.0.0.1:{closed.getsockname()[1]}/0?client_name=nowhere"
        with override_settings(CACHES={**known, "gate": {**known["gate"], "LOCATION": address}}):
            yield


@contextmanager
def hung() -> Iterator[None]:
    """Stop the benchmark's own server."""
    pid = redis().info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def refusing() -> Iterator[None]:
    before = redis().config_get("maxmemory")["maxmemory"]
    redis().config_set("maxmemory", 1)
    try:
        yield
    finally:
        redis().config_set("maxmemory", before)


def redis() -> Any:
    return get_redis_connection("buffer")
