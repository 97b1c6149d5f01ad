"""Threads for sync steps: bounded, woken as few as will do, and heard as rarely as will do.

One awake worker takes step after step, so a run of short steps costs no hand-offs. When the queue's head has waited
too long (a step blocks), more workers wake, twice as many each time. Results are collected many at a time.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar

PATIENCE_SECONDS = 0.002
# No round trip to a server is that short, so a job that is has nothing to tidy up.
INSTANT_SECONDS = 0.00002


class Job(Protocol):
    """Something to run; it keeps its own outcome and never raises."""

    def run(self) -> None: ...


J = TypeVar("J", bound=Job)


class StepPool(Generic[J]):
    """Runs jobs in threads and hands them back to the event loop that owns it."""

    def __init__(
        self,
        threads: int,
        collect: Callable[[Sequence[J]], None],
        *,
        tidy: Callable[[], None],
        leave: Callable[[], None],
    ) -> None:
        """Hand finished jobs to `collect` on the loop.

        `tidy` runs in a worker when it wakes and after each job that could have used a connection, `leave` when it
        ends.
        """
        self._loop = asyncio.get_running_loop()
        self._limit = threads
        self._collect = collect
        self._tidy = tidy
        self._leave = leave
        self._waiting: deque[tuple[float, J]] = deque()
        self._finished: deque[J] = deque()
        self._tokens: SimpleQueue[bool] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._awake = 0
        self._told = False
        self._watching = False
        self._burst = 1

    def submit(self, job: J) -> None:
        self._waiting.append((time.monotonic(), job))
        if self._awake == 0:
            self._wake(1)
        if not self._watching:
            self._watching = True
            self._burst = 1
            self._loop.call_later(PATIENCE_SECONDS, self._watch)

    def close(self) -> None:
        """Let the workers end once they are idle; one in a step that does not return is left behind."""
        for _ in self._threads:
            self._tokens.put(False)

    def _wake(self, count: int) -> None:
        with self._lock:
            count = min(count, self._limit - self._awake)
            self._awake += max(count, 0)
            missing = self._awake - len(self._threads)
        for _ in range(missing):
            thread = threading.Thread(target=self._work, name="workflow-step", daemon=True)
            self._threads.append(thread)
            thread.start()
        for _ in range(count):
            self._tokens.put(True)

    def _watch(self) -> None:
        """Collect what is finished, and wake more workers while the oldest job waits too long."""
        self._hand_over()
        since = self._oldest()
        if since is None and not self._finished:
            self._watching = False
            return
        if since is not None and time.monotonic() - since > PATIENCE_SECONDS:
            self._wake(self._burst)
            self._burst = min(self._burst * 2, self._limit)
        self._loop.call_later(PATIENCE_SECONDS, self._watch)

    def _oldest(self) -> float | None:
        try:
            return self._waiting[0][0]
        except IndexError:
            return None

    def _work(self) -> None:
        while self._tokens.get():
            # A connection may have grown too old while this thread slept.
            self._tidy()
            while True:
                self._drain()
                with self._lock:
                    if not self._waiting:
                        self._awake -= 1
                        break
        self._leave()

    def _drain(self) -> None:
        while True:
            try:
                _, job = self._waiting.popleft()
            except IndexError:
                return
            began = time.perf_counter()
            job.run()
            if time.perf_counter() - began > INSTANT_SECONDS:
                self._tidy()
            self._finished.append(job)
            # While others wait, the loop looks by itself: each call to it would make this thread wait its turn.
            if not self._waiting and not self._told:
                self._told = True
                self._tell()

    def _tell(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._hand_over)
        except RuntimeError:
            # The loop is closed: the pump ended without waiting for this step.
            return

    def _hand_over(self) -> None:
        self._told = False
        finished = []
        while self._finished:
            finished.append(self._finished.popleft())
        if finished:
            self._collect(finished)
