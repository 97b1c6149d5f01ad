from mollifier import suspects
from mollifier.suspects import Suspects


def test_each_is_served_by_one_at_a_time_oldest_first():
    some = Suspects()
    some.add(["a", "b"])
    assert (some.take(), some.take(), some.take()) == ("a", "b", None)
    some.give_back("b", cleared=False)
    assert some.take() == "b"


def test_one_that_is_cleared_is_suspected_no_longer():
    some = Suspects()
    some.add(["a", "b"])
    some.give_back(some.take(), cleared=True)
    assert some.names() == ("b",)


def test_one_that_was_slow_again_waits_behind_the_others():
    some = Suspects()
    some.add(["a", "b"])
    some.give_back(some.take(), cleared=False)
    assert (some.take(), some.take()) == ("b", "a")


def test_suspecting_one_that_is_served_changes_nothing():
    some = Suspects()
    some.add(["a"])
    some.take()
    some.add(["a"])
    assert (some.waiting(), some.take()) == (0, None)


def test_no_more_are_suspected_than_a_claim_can_leave_out():
    some = Suspects()
    some.add(str(number) for number in range(suspects.MOST + 5))
    assert len(some.names()) == some.waiting() == suspects.MOST
