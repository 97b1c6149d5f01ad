"""DBOS Transact's side of B8; run in its own virtualenv as `python dbos_peer.py DATABASE_URL`.

Its workflows may be plain functions in threads or async ones on a loop. Which is faster depends on the machine and the
load, so both are tried once and the faster one is measured. Its pool and threads are its defaults, its log is silent.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any

from answering import answer
from dbos import DBOS, DBOSConfig

# A queue as it comes looks once a second; the other one as often as is of any use.
QUEUES = {"queue": 1.0, "quick_queue": 0.01}
TRIED = 50


@DBOS.step()  # type: ignore[untyped-decorator]
def do_nothing(number: int) -> int:
    return number


@DBOS.workflow()  # type: ignore[untyped-decorator]
def steps(count: int) -> None:
    for number in range(count):
        do_nothing(number)


@DBOS.step()  # type: ignore[untyped-decorator]
async def do_nothing_async(number: int) -> int:
    return number


@DBOS.workflow()  # type: ignore[untyped-decorator]
async def steps_async(count: int) -> None:
    for number in range(count):
        await do_nothing_async(number)


@DBOS.workflow()  # type: ignore[untyped-decorator]
def noop() -> None:
    """Do nothing."""


def run(instances: int, steps_each: int) -> float:
    """Start so many at once; return the seconds until the last has completed."""
    return quicker(together=instances > 1)(instances, steps_each)


@cache
def quicker(*, together: bool) -> Callable[[int, int], float]:
    """Try both kinds, many at once or one alone, and return the faster one."""
    load = (TRIED, 2) if together else (1, TRIED)
    return min((in_threads, on_a_loop), key=lambda kind: kind(*load))


def in_threads(instances: int, steps_each: int) -> float:
    began = time.perf_counter()
    handles = [DBOS.start_workflow(steps, steps_each) for _ in range(instances)]
    for handle in handles:
        handle.get_result()
    return time.perf_counter() - began


def on_a_loop(instances: int, steps_each: int) -> float:
    async def together() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(steps_async(steps_each) for _ in range(instances)))
        return time.perf_counter() - began

    return asyncio.run(together())


def in_process(count: int) -> float:
    """Return the median ms of an empty workflow that is called where DBOS runs."""
    return statistics.median(_timed(noop) for _ in range(count))


def queued(count: int, queue: str) -> float:
    """Return the median ms of an empty workflow from enqueueing to its result."""
    return statistics.median(
        _timed(lambda: DBOS.enqueue_workflow(queue, noop).get_result(polling_interval_sec=0.001)) for _ in range(count)
    )


def _timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def main(database_url: str) -> None:
    config: DBOSConfig = {"name": "bench", "system_database_url": database_url, "log_level": "ERROR"}
    DBOS(config=config)
    DBOS.launch()
    for name, seconds in QUEUES.items():
        DBOS.register_queue(name, polling_interval_sec=seconds)
    try:
        answer({"run": run, "in_process": in_process, "queued": queued}, f"DBOS Transact {version('dbos')}")
    finally:
        DBOS.destroy()


if __name__ == "__main__":
    main(sys.argv[1])
