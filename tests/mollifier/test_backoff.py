from random import Random

import pytest

from mollifier.backoff import Pause, delay


def test_each_failure_doubles_the_wait_up_to_the_cap_with_jitter_below():
    dice = Random(7)
    for failures, most in [(1, 1), (2, 2), (3, 4), (4, 8), (7, 60), (500, 60)]:
        waits = [delay(failures, 1, 60, dice) for _ in range(50)]
        assert all(most / 2 <= wait <= most for wait in waits)
        assert len(set(waits)) > 40


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pause(clock):
    return Pause(1.0, 4.0, Random(1), clock)


def test_without_a_failure_everyone_may_claim(pause):
    assert [pause.enter() for _ in range(3)] == [0, 0, 0]
    assert not pause.is_on


def test_a_failure_pauses_everyone_and_then_lets_one_try(pause, clock):
    pause.failed()
    assert 0.5 <= pause.enter() <= 1
    clock.now += 1
    assert pause.enter() == 0
    assert pause.enter() > 0, "one is trying already"


def test_a_try_that_works_ends_the_pause(pause, clock):
    pause.failed()
    clock.now += 1
    pause.enter()
    pause.succeeded()
    assert [pause.enter(), pause.enter()] == [0, 0]


def test_a_try_that_fails_pauses_for_longer_but_never_beyond_the_cap(pause, clock):
    waits = []
    for _ in range(6):
        pause.failed()
        waits.append(pause.enter())
        clock.now += 10
        assert pause.enter() == 0
    assert waits[1] > 1
    assert max(waits) <= 4


def test_several_failures_at_once_are_one(pause):
    for _ in range(4):
        pause.failed()
    assert pause.enter() <= 1


def test_a_try_that_finds_no_work_lets_the_next_one_try(pause, clock):
    pause.failed()
    clock.now += 1
    assert pause.enter() == 0
    pause.nothing_found()
    assert pause.enter() == 0
