from mollifier.telemetry import FAILED_OPEN, Unsent


def test_durations_ride_along_once_a_second_under_their_bound():
    unsent = Unsent()
    unsent.took(0.0004, 1)
    unsent.took(0.03, 100)
    unsent.took(7, 1)
    taken = unsent.take()
    assert dict(zip(taken[::2], taken[1::2], strict=True)) == {
        "seconds:0.0005": 1,
        "seconds:0.05": 100,
        "seconds:inf": 1,
        "seconds:sum_us": 400 + 30_000 * 100 + 7_000_000,
    }
    unsent.took(0.1, 1)
    assert unsent.take() == [], "not within the same second"


def test_what_failed_open_does_not_wait():
    unsent = Unsent()
    unsent.take()
    unsent.failed_open(3)
    assert unsent.take() == [FAILED_OPEN, 3]


def test_what_could_not_be_sent_is_kept():
    unsent = Unsent()
    unsent.failed_open(3)
    unsent.give_back(unsent.take())
    unsent.failed_open(1)
    assert unsent.take() == [FAILED_OPEN, 4]
