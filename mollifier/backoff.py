"""Capped, jittered back-off: of one entry that failed, and of claiming while the store can't be reached."""

import threading
from collections.abc import Callable
from random import Random
from time import monotonic


def delay(failures: int, base: float, cap: float, dice: Random) -> float:
    """Return the wait after so many failures in a row: doubled each time up to the cap, then between half and all."""
    doubled = min(cap, base * 2.0 ** min(max(0, failures - 1), 30))
    return float(doubled * (0.5 + dice.random() / 2))


class Pause:
    """Stops claiming after a failure that is no entry's fault; then one claim at a time tries, until one works."""

    def __init__(
        self, base_seconds: float, cap_seconds: float, dice: Random, clock: Callable[[], float] = monotonic
    ) -> None:
        self._base, self._cap, self._dice, self._clock = base_seconds, cap_seconds, dice, clock
        self._lock = threading.Lock()
        self._failures = 0
        self._until = 0.0
        self._trying = False

    def enter(self) -> float:
        """Return 0 when the caller may claim now, else the seconds until it may ask again.

        Each 0 must be followed by succeeded, failed or nothing_found.
        """
        with self._lock:
            if not self._failures:
                return 0.0
            left = self._until - self._clock()
            if left > 0:
                return left
            if self._trying:
                return self._base
            self._trying = True
            return 0.0

    def succeeded(self) -> None:
        with self._lock:
            self._failures, self._trying = 0, False

    def failed(self) -> None:
        """Pause, or longer than before. Claims that were in flight when the pause began don't lengthen it."""
        with self._lock:
            now = self._clock()
            if now >= self._until:
                self._failures += 1
                self._until = now + delay(self._failures, self._base, self._cap, self._dice)
            self._trying = False

    def nothing_found(self) -> None:
        with self._lock:
            self._trying = False

    @property
    def is_on(self) -> bool:
        return self._failures > 0
