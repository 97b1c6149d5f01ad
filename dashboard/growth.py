"""How much a counter grew lately, as far as it was looked at."""

from collections import deque


class Growth:
    """Remembers what a counter showed within the last `seconds`; one that starts again from less counts anew."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, at: float, total: int) -> int:
        """Take what the counter shows at a time; return by how much that is more than at the start of the period."""
        if self._seen and total < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((at, total))
        while self._seen[0][0] < at - self._seconds:
            self._seen.popleft()
        return total - self._seen[0][1]
