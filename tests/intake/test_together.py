"""What threads ask for at once is done together, in their order, each with its own answer."""

import threading
from concurrent.futures import ThreadPoolExecutor

from tests import waiting
from workflows.intake.together import NoTurn, Together


class Slow:
    """Doubles numbers, each call once it may."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.may = threading.Semaphore(0)

    def __call__(self, numbers):
        self.calls.append(list(numbers))
        assert self.may.acquire(timeout=30)
        if 13 in numbers:
            raise ValueError("unlucky")
        return [2 * number for number in numbers]


def alone(together, key, number):
    (answer,) = together.ask(key, [number])
    return answer


def asked(pool, together, key, numbers):
    futures = []
    for due, number in enumerate(numbers):
        futures.append(pool.submit(alone, together, key, number))
        waiting.until(lambda due=due: count(together) >= due)
    return futures


def count(together):
    return sum(len(meeting._waiting) for meeting in list(together._meetings.values()))


def test_the_first_begins_at_once_and_the_others_are_joined():
    act = Slow()
    together = Together(act, most=3, seconds=30)
    with ThreadPoolExecutor(8) as pool:
        futures = asked(pool, together, "a", range(6))
        act.may.release(6)
        assert [future.result(30) for future in futures] == [0, 2, 4, 6, 8, 10]
    assert act.calls == [[0], [1, 2, 3], [4, 5]]


def test_what_is_raised_is_told_to_those_it_was_called_for_and_to_no_others():
    act = Slow()
    together = Together(act, most=2, seconds=30)
    with ThreadPoolExecutor(8) as pool:
        futures = asked(pool, together, "a", [1, 13, 2, 3])
        act.may.release(4)
        assert (futures[0].result(30), futures[3].result(30)) == (2, 6)
        for future in futures[1:3]:
            assert repr(future.result(30)) == "ValueError('unlucky')"


def test_one_may_ask_for_many_which_others_join_and_each_has_its_own_answer():
    act = Slow()
    together = Together(act, most=3, seconds=30)
    with ThreadPoolExecutor(8) as pool:
        many = pool.submit(together.ask, "a", [1, 2, 3, 4])
        waiting.until(lambda: act.calls)
        one = pool.submit(alone, together, "a", 5)
        waiting.until(lambda: count(together) == 2)
        act.may.release(2)
        assert (many.result(30), one.result(30)) == ([2, 4, 6, 8], 10)
    assert act.calls == [[1, 2, 3], [4, 5]]
    assert together.ask("a", []) == []


def test_keys_are_never_joined():
    act = Slow()
    together = Together(act, most=9, seconds=30)
    act.may.release(40)
    with ThreadPoolExecutor(8) as pool:
        futures = {number: pool.submit(alone, together, number % 2, number) for number in range(12)}
        assert {number: future.result(30) for number, future in futures.items()} == {n: 2 * n for n in range(12)}
    assert all(len({number % 2 for number in call}) == 1 for call in act.calls)


def test_keys_do_not_wait_for_each_other_and_are_forgotten():
    act = Slow()
    together = Together(act, most=9, seconds=0.05)
    with ThreadPoolExecutor(100) as pool:
        futures = [pool.submit(alone, together, key, key) for key in range(100, 200)]
        waiting.until(lambda: len(act.calls) == 100)
        act.may.release(100)
        assert [future.result(30) for future in futures] == [2 * key for key in range(100, 200)]
    assert together._meetings == {}


def test_who_is_not_taken_up_in_time_leaves_and_nothing_is_done_for_it():
    act = Slow()
    together = Together(act, most=1, seconds=0.05)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(alone, together, "a", 1)
        waiting.until(lambda: act.calls)
        assert [type(each) for each in together.ask("a", [2, 3])] == [NoTurn, NoTurn]
        act.may.release()
        assert first.result(30) == 2
    assert act.calls == [[1]]
    assert count(together) == 0


def test_who_is_stopped_amid_the_work_leaves_nobody_waiting():
    act = Slow()
    together = Together(act, most=9, seconds=30)

    def stopped(numbers):
        act(numbers)
        raise SystemExit

    with ThreadPoolExecutor(8) as pool:
        futures = asked(pool, together, "a", [1, 2, 3])
        together._act = stopped
        act.may.release(9)
        assert futures[0].result(30) == 2
        ended = sorted(type(future.exception(30) or future.result(30)).__name__ for future in futures[1:])
    assert ended == ["NoTurn", "SystemExit"]
