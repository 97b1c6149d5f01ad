"""Have what threads of a process ask for at the same time done in one go, by one of them."""

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
STRIPES = 64


class NoTurn(Exception):
    """Nobody took it up in time, or whoever did was stopped; what became of it is not known then."""

    code = "no_turn"


class _Asked(Generic[Item, Answer]):
    """An item, until it has its answer or what was raised instead."""

    def __init__(self, key: Hashable, item: Item) -> None:
        self.key, self.item = key, item
        self.answers: list[Answer] = []
        self.error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return bool(self.answers) or self.error is not None

    def told(self) -> Answer:
        if self.error is not None:
            raise self.error
        return self.answers[0]


class _Stripe(Generic[Item, Answer]):
    """Those who wait for the same turn, in the order in which they came."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self._list = threading.Lock()
        self._waiting: list[_Asked[Item, Answer]] = []

    def join(self, asked: _Asked[Item, Answer]) -> None:
        with self._list:
            self._waiting.append(asked)

    def leave(self, asked: _Asked[Item, Answer]) -> bool:
        """Stop waiting; False when somebody has taken it up by now."""
        with self._list:
            waits = asked in self._waiting
            if waits:
                self._waiting.remove(asked)
        return waits

    def take(self, key: Hashable, most: int) -> list[_Asked[Item, Answer]]:
        with self._list:
            taken = [each for each in self._waiting if each.key == key][:most]
            self._waiting = [each for each in self._waiting if each not in taken]
        return taken


class Together(Generic[Item, Answer]):
    """Calls `act` with those items of one key that wait, at most so many, and hands each its answer.

    The first to come begins at once; who comes meanwhile is joined with all others that did. Source: flat combining
    (Hendler, Incze, Shavit, Tzafrir, 2010).
    """

    def __init__(self, act: Callable[[Sequence[Item]], Sequence[Answer]], *, most: int, seconds: float) -> None:
        self._act, self._most, self._seconds = act, most, seconds
        self._stripes: list[_Stripe[Item, Answer]] = [_Stripe() for _ in range(STRIPES)]

    def ask(self, key: Hashable, item: Item) -> Answer:
        """Return the answer to this item; what `act` raises is raised to all whom it was called for.

        Raises:
            NoTurn: nobody took it up within the seconds.
        """
        stripe, asked = self._stripes[hash(key) % STRIPES], _Asked[Item, Answer](key, item)
        stripe.join(asked)
        while not asked.is_done:
            if stripe.turn.acquire(timeout=self._seconds):
                try:
                    if not asked.is_done:
                        self._serve(stripe.take(key, self._most))
                finally:
                    stripe.turn.release()
            elif stripe.leave(asked):
                raise NoTurn(f"nobody took it up within {self._seconds} s")
        return asked.told()

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
