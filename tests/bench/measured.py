"""A benchmark for the test of what runs them."""

from bench import result
from bench.result import Result, Samples
from bench.rounds import Clock


def two_rounds(clock: Clock) -> list[Result]:
    return [result.make("B0", "counting", "rounds", Samples(tuple(float(each + 1) for each in clock.rounds(2))))]
