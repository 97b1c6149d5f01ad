"""How much a counter grew lately."""

from dashboard.growth import Growth


def test_growth_is_what_came_within_the_period() -> None:
    growth = Growth(60)
    assert [growth.add(at, total) for at, total in ((0, 5), (30, 9), (59, 9), (80, 10), (200, 10))] == [0, 4, 4, 1, 0]


def test_a_counter_that_starts_again_counts_anew() -> None:
    growth = Growth(60)
    growth.add(0, 500)
    assert [growth.add(1, 3), growth.add(2, 8)] == [0, 5]
