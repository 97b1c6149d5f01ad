"""Rounds within a bound."""

from bench.rounds import Clock, by_turns, in_turn


class Hands:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_another_round_is_played_only_when_the_longest_still_fits() -> None:
    hands = Hands()
    played = []
    for number in Clock(10, hands).rounds(100):
        played.append(number)
        hands.at += 4
    assert played == [0, 1]


def test_the_first_round_is_always_played_and_no_more_than_asked() -> None:
    assert list(Clock(-1, Hands()).rounds(3)) == [0]
    assert list(Clock(10, Hands()).rounds(3)) == [0, 1, 2]


def test_ours_and_the_other_are_measured_in_turn_in_turned_order() -> None:
    order: list[str] = []

    def measure(name: str, value: float) -> float:
        order.append(name)
        return value

    samples = in_turn(Clock(10, Hands()), 2, lambda: measure("ours", 1), lambda: measure("other", 2))
    assert order == ["ours", "other", "other", "ours"]
    assert (samples.ours, samples.against) == ((1, 1), (2, 2))


def test_calls_by_turns_are_told_their_number() -> None:
    order: list[tuple[str, int]] = []
    ours, other = by_turns(
        3, lambda number: order.append(("ours", number)), lambda number: order.append(("other", number))
    )
    assert order == [(name, number) for number in range(3) for name in ("ours", "other")]
    assert min(ours, other) > 0
