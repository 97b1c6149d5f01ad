"""When each trigger of a burst is due."""

from collections.abc import Iterator
from enum import StrEnum


class Shape(StrEnum):
    """How a burst's rate moves; the mean is the same in all of them."""

    STEP = "step"
    SPIKE = "spike"
    STORM = "storm"


# (share of the time, factor on the mean rate); shares add up to 1, and so do the products.
PROFILES: dict[Shape, tuple[tuple[float, float], ...]] = {
    Shape.STEP: ((1.0, 1.0),),
    # A quiet line with a peak of four times the mean in its middle fifth.
    Shape.SPIKE: ((0.4, 0.25), (0.2, 4.0), (0.4, 0.25)),
    # Feeds itself: the rate doubles every tenth of the time and ends at five times the mean.
    Shape.STORM: tuple((0.1, 2**tenth * 10 / 1023) for tenth in range(10)),
}


def due_times(shape: Shape, rate: float, seconds: float) -> Iterator[float]:
    """Yield the seconds after the start at which each of `rate * seconds` triggers is due, in order."""
    total = round(rate * seconds)
    started, before = 0.0, 0.0
    number = 0
    for share, factor in PROFILES[shape]:
        span = share * seconds
        upto = before + share * factor * total
        while number < total and number < upto:
            yield started + span * (number - before) / (upto - before)
            number += 1
        started += span
        before = upto
