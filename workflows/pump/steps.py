"""Runs the steps of a pump: as many at once as its shard allows, sync ones in threads, async ones on the loop."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from django.db import close_old_connections, connections

from workflows import conf, turns
from workflows.endings import failure_of
from workflows.fence import NewEvent
from workflows.operations import StepCall
from workflows.pending import Pending
from workflows.pump.pool import StepPool
from workflows.steps import Fatal, Retryable, Running, running

if TYPE_CHECKING:
    from workflows.pump.live import Live

encode, decode = msgspec.json.encode, msgspec.json.decode
TIMEOUT_CHECK_SECONDS = 0.02


class StepTimedOut(Exception):
    """A step took longer than its time-out."""

    code = "step_timeout"


class ResultInvalid(Fatal):
    """A step returned what is not JSON."""


class StepRun:
    """One attempt at one step. A thread writes `result` or `error`; the loop alone sets `timed_out` and `skipped`."""

    __slots__ = ("call", "error", "live", "pending", "result", "skipped", "started_at", "task", "timed_out")

    def __init__(self, live: "Live", pending: Pending, call: StepCall[Any]) -> None:
        self.live = live
        self.pending = pending
        self.call = call
        self.result: bytes = b"null"
        self.error: BaseException | None = None
        self.started_at: float | None = None
        self.timed_out = False
        self.skipped = False
        self.task: asyncio.Task[None] | None = None

    @property
    def lost(self) -> bool:
        """Whether it lost a race, so that nobody reads its outcome."""
        return self.pending.correlation_id in self.live.replay.unread

    def run(self) -> None:
        """Call a sync step; its outcome is kept, whatever it is."""
        self.started_at = time.monotonic()
        try:
            running.set(Running(self.live.identity, self.pending.correlation_id))
            args, kwargs = decode(self.call.arguments)
            self.result = _encoded(self.call.definition.function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - a step may raise anything, and all of it is its outcome
            self.error = error

    async def run_async(self) -> None:
        """Await an async step within its time-out."""
        self.started_at = time.monotonic()
        try:
            running.set(Running(self.live.identity, self.pending.correlation_id))
            args, kwargs = decode(self.call.arguments)
            async with asyncio.timeout(self.call.definition.timeout_seconds) as limit:
                self.result = _encoded(await self.call.definition.function(*args, **kwargs))
        except asyncio.CancelledError as error:
            self.error = error
        except BaseException as error:  # noqa: BLE001
            self.error = _timed_out(self.call) if isinstance(error, TimeoutError) and limit.expired() else error

    def event(self, now: datetime) -> NewEvent:
        """Return what is to be recorded: completed, failed, or to be tried again at a certain time."""
        error = _timed_out(self.call) if self.timed_out else self.error
        correlation_id = self.pending.correlation_id
        if error is None:
            return turns.step_completed(correlation_id, self.result)
        failure, kind, failures = failure_of(error), type(error).__name__, self.pending.attempt + 1
        definition = self.call.definition
        if isinstance(error, Fatal) or failures > definition.retries or self.lost:
            return turns.step_failed(correlation_id, failure, kind)
        after = error.after_seconds if isinstance(error, Retryable) else None
        pause = definition.pause_before(failures) if after is None else max(0.0, after)
        return turns.step_retrying(correlation_id, failure, kind, failures, now + timedelta(seconds=pause))


class Steps:
    """Starts steps in the order they were asked for; hands each to `done` once, except those of closed instances."""

    def __init__(self, done: Callable[[Sequence[StepRun]], None]) -> None:
        self._done = done
        self._pool: StepPool[StepRun] = StepPool(
            conf.current().step_threads, self._collect, tidy=close_old_connections, leave=connections.close_all
        )
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[StepRun] = deque()
        self._timed: set[StepRun] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._checking = False
        self._held = False
        self.limit = 0
        self.running = 0

    def start(self, live: "Live", pending: Pending, call: StepCall[Any]) -> StepRun:
        run = StepRun(live, pending, call)
        self._waiting.append(run)
        return run

    def go(self) -> None:
        """Start what may start now; what has lost its race meanwhile is not begun."""
        while self._waiting and self.running < self.limit and not self._held:
            run = self._waiting.popleft()
            if run.live.closed:
                continue
            if run.lost:
                run.skipped = True
                self._loop.call_soon(self._done, [run])
                continue
            self.running += 1
            if run.call.definition.is_async:
                self._start_task(run)
            else:
                self._start_thread(run)

    def hold(self) -> None:
        """Start no more steps."""
        self._held = True

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._pool.close()

    def _start_task(self, run: StepRun) -> None:
        run.task = self._loop.create_task(run.run_async())
        self._tasks.add(run.task)
        run.task.add_done_callback(lambda task: self._task_done(task, run))

    def _task_done(self, task: asyncio.Task[None], run: StepRun) -> None:
        self._tasks.discard(task)
        self._collect([run])

    def _start_thread(self, run: StepRun) -> None:
        if run.call.definition.timeout_seconds is not None:
            self._timed.add(run)
            if not self._checking:
                self._checking = True
                self._loop.call_later(TIMEOUT_CHECK_SECONDS, self._check_timeouts)
        self._pool.submit(run)

    def _check_timeouts(self) -> None:
        """Give the outcome of sync steps that are over their time; their thread keeps its slot until it returns."""
        now = time.monotonic()
        late = []
        for run in self._timed:
            timeout = run.call.definition.timeout_seconds
            if run.started_at is not None and timeout is not None and now - run.started_at > timeout:
                run.timed_out = True
                late.append(run)
        self._timed.difference_update(late)
        self._checking = bool(self._timed)
        if self._checking:
            self._loop.call_later(TIMEOUT_CHECK_SECONDS, self._check_timeouts)
        if late:
            self._done(late)

    def _collect(self, runs: Sequence[StepRun]) -> None:
        self.running -= len(runs)
        if self._timed:
            self._timed.difference_update(runs)
        self._done([run for run in runs if not run.timed_out])


def _encoded(result: Any) -> bytes:
    if result is None:
        return b"null"
    try:
        return encode(result)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ResultInvalid(f"the result is not JSON: {error}", code="result_invalid") from error


def _timed_out(call: StepCall[Any]) -> StepTimedOut:
    return StepTimedOut(f"{call.definition.name} took longer than {call.definition.timeout_seconds} s")
