"""What the gate could not count in Redis yet: its own durations, and the triggers that passed without an answer.

Kept in the process and sent along with the next admit, durations once a second; so gauges are never per process.
"""

import threading
from bisect import bisect_left
from collections import Counter
from time import monotonic

BOUNDS_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
FLUSH_SECONDS = 1.0
FAILED_OPEN = "gate:passed:fail_open"


class Unsent:
    """Increments of the `counters` hash that wait for a ride."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._urgent = False
        self._taken_at = 0.0

    def took(self, seconds: float, decisions: int) -> None:
        """Note how long one exchange took, and for how many decisions."""
        place = bisect_left(BOUNDS_SECONDS, seconds)
        bound = "inf" if place == len(BOUNDS_SECONDS) else f"{BOUNDS_SECONDS[place]}"
        with self._lock:
            self._counts[f"seconds:{bound}"] += decisions
            self._counts["seconds:sum_us"] += round(seconds * 1_000_000) * decisions

    def failed_open(self, count: int) -> None:
        with self._lock:
            self._counts[FAILED_OPEN] += count
            self._urgent = True

    def take(self) -> list[str | int]:
        """Return counter, increment, counter, increment ... and forget them; often nothing."""
        if not self._urgent and monotonic() - self._taken_at < FLUSH_SECONDS:
            return []
        with self._lock:
            taken: list[str | int] = [part for pair in self._counts.items() for part in pair]
            self._counts.clear()
            self._urgent, self._taken_at = False, monotonic()
        return taken

    def give_back(self, taken: list[str | int]) -> None:
        """Keep what was taken for an exchange that failed."""
        with self._lock:
            for counter, increment in zip(taken[::2], taken[1::2], strict=True):
                self._counts[str(counter)] += int(increment)


gate = Unsent()
