"""What the gate could not count in Redis yet: its durations, what passed without an answer, and what each org sent.

Kept in the process until the next admit takes it along, or, when none comes, a thread sends it after a second; so no
number is of one process only. The tallies of the orgs are always the thread's to send. There is no thread while there
is nothing to send.
"""

import atexit
import os
import threading
from bisect import bisect_left
from collections import Counter
from time import monotonic

from mollifier import client, conf, lua, tally
from mollifier.decision import Arrival, Decision
from mollifier.errors import BufferUnavailable

COUNT = lua.load("count")
BOUNDS_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
FLUSH_SECONDS = 1.0
# Sooner than the flush: where triggers come, they carry everything.
RIDE_SECONDS = 0.5
SEND_SECONDS = 1.0
FAILED_OPEN = "gate:passed:fail_open"
DROPPED = "tally:dropped"
# Environments whose tallies one exchange carries.
TOLD_AT_ONCE = 100


class Unsent:
    """Increments of the `counters` hash that wait for a ride."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._tallies: Counter[tally.Seen] = Counter()
        self._taken_at = 0.0
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def took(self, seconds: float, decisions: int) -> None:
        """Note how long one exchange took, and for how many decisions."""
        place = bisect_left(BOUNDS_SECONDS, seconds)
        bound = "inf" if place == len(BOUNDS_SECONDS) else f"{BOUNDS_SECONDS[place]}"
        with self._lock:
            self._counts[f"seconds:{bound}"] += decisions
            self._counts["seconds:sum_us"] += round(seconds * 1_000_000) * decisions
            self._expect_flush()

    def failed_open(self, count: int) -> None:
        with self._lock:
            self._counts[FAILED_OPEN] += count
            self._expect_flush()

    def decided(self, arrival: Arrival, decision: Decision) -> None:
        """Note one decision for its org; what is more than TALLY_PENDING different ones is counted as dropped."""
        for key, count in tally.seen(arrival, decision, int(monotonic())):
            with self._lock:
                if key in self._tallies or len(self._tallies) < conf.current().tally_pending:
                    self._tallies[key] += count
                else:
                    self._counts[DROPPED] += count
                self._expect_flush()

    def take(self) -> list[str | int]:
        """Return counter, increment, counter, increment ... and forget them; often nothing."""
        if FAILED_OPEN not in self._counts and monotonic() - self._taken_at < RIDE_SECONDS:
            return []
        return self._take()

    def flush(self) -> None:
        """Send what waits; what can't be sent is kept."""
        self._tell()
        self._flush_counts()

    def _flush_counts(self) -> None:
        taken = self._take()
        if not taken:
            return
        try:
            (told,) = client.exchange([COUNT.command(tail=taken)], SEND_SECONDS)
        except BufferUnavailable:
            self.give_back(taken)
        else:
            if isinstance(told, Exception):
                self.give_back(taken)

    def forget(self) -> None:
        """Stop the thread, and start from nothing."""
        thread = self._thread
        self._stop.set()
        if thread is not None:
            thread.join()
        self.__init__()  # type: ignore[misc]

    def leave_parent(self) -> None:
        """Begin anew in a forked child; what waited is the parent's to send, and its thread and lock stayed there."""
        self.__init__()  # type: ignore[misc]

    def _expect_flush(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(self._stop,), name="telemetry", daemon=True)
            self._thread.start()

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(FLUSH_SECONDS):
            with self._lock:
                if not self._counts and not self._tallies:
                    self._thread = None
                    return
                ridden = monotonic() - self._taken_at < RIDE_SECONDS
            self._tell()
            if not ridden:
                self._flush_counts()

    def _tell(self) -> None:
        """Send the tallies, some environments at a time; those of an exchange that failed are kept."""
        with self._lock:
            tallies, self._tallies = self._tallies, Counter()
        by_place: dict[tuple[str, str], Counter[tally.Seen]] = {}
        for key, count in tallies.items():
            by_place.setdefault(key[:2], Counter())[key] = count
        places = list(by_place.values())
        for at in range(0, len(places), TOLD_AT_ONCE):
            told: Counter[tally.Seen] = Counter()
            for each in places[at : at + TOLD_AT_ONCE]:
                told.update(each)
            try:
                client.exchange(tally.commands(told, monotonic(), conf.current()), SEND_SECONDS)
            except BufferUnavailable:
                self._keep(told)

    def _keep(self, told: Counter[tally.Seen]) -> None:
        with self._lock:
            self._tallies.update(told)

    def _take(self) -> list[str | int]:
        with self._lock:
            taken: list[str | int] = [part for pair in self._counts.items() for part in pair]
            self._counts.clear()
            self._taken_at = monotonic()
        return taken

    def give_back(self, taken: list[str | int]) -> None:
        """Keep what was taken for an exchange that failed."""
        with self._lock:
            for counter, increment in zip(taken[::2], taken[1::2], strict=True):
                self._counts[str(counter)] += int(increment)
            if taken:
                self._taken_at = 0.0
                self._expect_flush()


gate = Unsent()
os.register_at_fork(after_in_child=gate.leave_parent)
atexit.register(gate.flush)
