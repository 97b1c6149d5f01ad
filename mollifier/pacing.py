"""How much a drainer asks for: additive increase, multiplicative decrease on how long a batch takes to write.

The rate that all drainers share is a bucket in Redis; see lua/pace.lua.
"""

import threading
from time import monotonic

# Shares of the whole size: one step up after a quick batch, and the least that is asked for.
STEP, LEAST = 1 / 20, 1 / 50


class Pace:
    """The size of the next claim, between a fiftieth of the setting and all of it."""

    def __init__(self, most: int, target_ms: int) -> None:
        self._most, self._target = most, target_ms / 1000
        self._step, self._least = max(1.0, most * STEP), max(1.0, most * LEAST)
        self._lock = threading.Lock()
        self._size = float(most)
        self._halved_at = 0.0

    @property
    def size(self) -> int:
        return int(self._size)

    def wrote(self, count: int, began: float, ended: float | None = None) -> None:
        """Learn from a batch of `count` entries that was written between two monotonic times.

        Batches that were in flight when the size was halved say nothing about the new one; a small batch that is
        quick says nothing about a large one.
        """
        ended = monotonic() if ended is None else ended
        with self._lock:
            if not self._target or not count:
                return
            if ended - began <= self._target:
                if count >= self.size:
                    self._size = min(self._most, self._size + self._step)
            elif began >= self._halved_at:
                self._size, self._halved_at = max(self._least, min(self._size, count) / 2), ended
