"""Rounds within a bound: ours and the other in turn, as many as fit."""

import statistics
import time
from collections.abc import Callable, Iterator

from bench.result import Samples


class Clock:
    """The time a benchmark may take."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.ends_at = now() + seconds

    def rounds(self, most: int) -> Iterator[int]:
        """Yield 0, 1, 2...: the first always, another only when one as long as the longest so far still fits."""
        longest = 0.0
        for number in range(most):
            started = self.now()
            if number and started + longest > self.ends_at:
                return
            yield number
            longest = max(longest, self.now() - started)


def in_turn(clock: Clock, most: int, ours: Callable[[], float], against: Callable[[], float]) -> Samples:
    """Measure both in each round, the order turned every time."""
    found: tuple[list[float], list[float]] = ([], [])
    for number in clock.rounds(most):
        pair = [(found[0], ours), (found[1], against)]
        for samples, measure in pair if number % 2 == 0 else reversed(pair):
            samples.append(measure())
    return Samples(tuple(found[0]), tuple(found[1]))


def by_turns(times: int, ours: Callable[[int], object], other: Callable[[int], object]) -> tuple[float, float]:
    """Call both by turns, each with its number; return the median seconds of each, without the first tenth.

    What else the machine does falls on both alike.
    """
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(times):
        for samples, call in zip(found, (ours, other), strict=True):
            began = time.perf_counter()
            call(number)
            samples.append(time.perf_counter() - began)
    warm = times // 10
    return statistics.median(found[0][warm:]), statistics.median(found[1][warm:])
