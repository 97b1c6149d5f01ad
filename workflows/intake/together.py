"""Have what threads of a process ask for at the same time done in one go, by one of them."""

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class NoTurn(Exception):
    """Nobody took it up in time, or whoever did was stopped; what became of it is not known then."""

    code = "no_turn"


class _Asked(Generic[Item, Answer]):
    """An item, until it has its answer or what was raised instead."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.answers: list[Answer] = []
        self.error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return bool(self.answers) or self.error is not None

    def told(self) -> Answer | Exception:
        return self.answers[0] if self.error is None else self.error


class _Meeting(Generic[Item, Answer]):
    """Those who ask about one key at the same time, in the order in which they came."""

    def __init__(self) -> None:
        self.present = 0
        self.turn = threading.Lock()
        self._list = threading.Lock()
        self._waiting: list[_Asked[Item, Answer]] = []

    def join(self, asked: Sequence[_Asked[Item, Answer]]) -> None:
        with self._list:
            self._waiting += asked

    def leave(self, asked: Sequence[_Asked[Item, Answer]]) -> list[_Asked[Item, Answer]]:
        """Have these wait no more; return them without those that somebody has taken up by now."""
        with self._list:
            left = [each for each in asked if each in self._waiting]
            self._waiting = [each for each in self._waiting if each not in left]
        return left

    def take(self, most: int) -> list[_Asked[Item, Answer]]:
        with self._list:
            taken, self._waiting = self._waiting[:most], self._waiting[most:]
        return taken


class Together(Generic[Item, Answer]):
    """Calls `act` with those items of one key that wait, at most so many, and hands each its answer.

    The first to come begins at once; who comes meanwhile is joined with all others that did. Keys do not wait for each
    other. Source: flat combining (Hendler, Incze, Shavit, Tzafrir, 2010).
    """

    def __init__(self, act: Callable[[Sequence[Item]], Sequence[Answer]], *, most: int, seconds: float) -> None:
        self._act, self._most, self._seconds = act, most, seconds
        self._meetings: dict[Hashable, _Meeting[Item, Answer]] = {}
        self._door = threading.Lock()

    def ask(self, key: Hashable, items: Sequence[Item]) -> list[Answer | Exception]:
        """Return the answer to each of these items, or what `act` raised, which all have whom it was called for.

        One that nobody took up within the seconds has NoTurn.
        """
        asked = [_Asked[Item, Answer](item) for item in items]
        with self._at(key) as meeting:
            meeting.join(asked)
            while left := [each for each in asked if not each.is_done]:
                if meeting.turn.acquire(timeout=self._seconds):
                    try:
                        if not left[-1].is_done:
                            self._serve(meeting.take(self._most))
                    finally:
                        meeting.turn.release()
                else:
                    for each in meeting.leave(left):
                        each.error = NoTurn(f"nobody took it up within {self._seconds} s")
        return [each.told() for each in asked]

    @contextmanager
    def _at(self, key: Hashable) -> Iterator[_Meeting[Item, Answer]]:
        """Enter the meeting of a key, which ends with the last one who leaves."""
        with self._door:
            meeting = self._meetings.setdefault(key, _Meeting())
            meeting.present += 1
        try:
            yield meeting
        finally:
            with self._door:
                meeting.present -= 1
                if not meeting.present:
                    del self._meetings[key]

    def _serve(self, taken: Sequence[_Asked[Item, Answer]]) -> None:
        error: Exception = NoTurn("whoever was at it was stopped")
        try:
            for each, answer in zip(taken, self._act([each.item for each in taken]), strict=True):
                each.answers.append(answer)
        except Exception as raised:  # noqa: BLE001 - it is told to each of those who asked
            error = raised
        finally:
            for each in taken:
                each.error = None if each.answers else error
