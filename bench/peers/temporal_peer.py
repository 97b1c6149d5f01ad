"""Temporal's side of B8; run in its own virtualenv as `python temporal_peer.py`.

The dev server is the one of the Temporal CLI in that virtualenv. One worker runs beside the client, with room for
every workflow and activity at once; activities are async and eager, as the SDK advises.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

from answering import answer, keep_the_pipe, refuse
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

TASKS = "bench"
ROOM = 500
POLLERS = 20


@activity.defn  # type: ignore[untyped-decorator]
async def do_nothing(number: int) -> int:
    return number


@workflow.defn
class Steps:
    @workflow.run  # type: ignore[untyped-decorator]
    async def run(self, count: int) -> None:
        for number in range(count):
            await workflow.execute_activity(do_nothing, number, start_to_close_timeout=timedelta(seconds=60))


async def run(client: Client, instances: int, steps_each: int) -> float:
    """Start so many at once; return the seconds until the last has completed."""
    began = time.perf_counter()
    await asyncio.gather(*(_execute(client, steps_each) for _ in range(instances)))
    return time.perf_counter() - began


async def empty(client: Client, count: int) -> float:
    """Return the median ms of an empty workflow from its start to its result."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        await _execute(client, 0)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


async def _execute(client: Client, count: int) -> None:
    await client.execute_workflow(Steps.run, count, id=str(uuid4()), task_queue=TASKS)


async def main() -> None:
    keep_the_pipe()
    cli = Path(sys.executable).with_name("temporal")
    try:
        environment = await WorkflowEnvironment.start_local(dev_server_existing_path=str(cli))
    except RuntimeError as error:
        refuse(f"its dev server does not start: {str(error)[:150]}")
        return
    async with environment, worker(environment.client):
        loop = asyncio.get_running_loop()

        def on_the_loop(figure: Callable[..., Coroutine[Any, Any, float]]) -> Callable[..., float]:
            return lambda **given: asyncio.run_coroutine_threadsafe(figure(environment.client, **given), loop).result()

        figures = {"run": on_the_loop(run), "empty": on_the_loop(empty)}
        await asyncio.to_thread(answer, figures, f"Temporal dev server, SDK {version('temporalio')}")


def worker(client: Client) -> Worker:
    return Worker(
        client,
        task_queue=TASKS,
        workflows=[Steps],
        activities=[do_nothing],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=ROOM,
        max_concurrent_workflow_tasks=ROOM,
        max_concurrent_activities=ROOM,
        max_concurrent_workflow_task_polls=POLLERS,
        max_concurrent_activity_task_polls=POLLERS,
    )


if __name__ == "__main__":
    asyncio.run(main())
