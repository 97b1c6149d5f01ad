"""A process that emits events at a rate: `python -m bench.chaos.emitter` answers {"emit"} with what became of them."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import django

from bench.peers.answering import answer

if TYPE_CHECKING:
    from workflows.intake.emission import Emission

THREADS = 16
SHOWN_ERRORS = 5


def main() -> None:
    django.setup()
    answer({"emit": emit}, "emitter")


@dataclass
class Told:
    """What the emitted events came to: outcomes by group, and when the first refused one of each group was emitted."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    refused_at: dict[str, float] = field(default_factory=dict)
    emitted: int = 0
    latest_seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, type_: str, due: float, began: float, done: "Emission") -> None:
        with self.lock:
            self.emitted += 1
            self.latest_seconds = max(self.latest_seconds, began - due)
            for each in done.outcomes:
                group = f"{each.definition} {type_}"
                word = getattr(each.submission, "code", type(each.submission).__name__)
                self.outcomes.setdefault(group, Counter())[word] += 1
                if word == "throttled_event_backlog":
                    self.refused_at[group] = min(began, self.refused_at.get(group, began))

    def failed(self, error: Exception) -> None:
        with self.lock:
            self.errors.append(f"an emit raised {type(error).__name__}: {error}")

    def as_dict(self) -> dict[str, Any]:
        return {
            "outcomes": self.outcomes,
            "refused_at": self.refused_at,
            "emitted": self.emitted,
            "latest_seconds": round(self.latest_seconds, 3),
            "errors": self.errors[:SHOWN_ERRORS],
        }


def emit(env: str, at: float, rate: float, seconds: float, types: Sequence[str], name: str) -> dict[str, Any]:
    """Emit events of the types in turn from `at` on (time.time()), each at its moment; none after the last moment.

    Whoever can't keep up emits fewer, and says how many and how late.
    """
    # They import models.
    from workflows import emit as hand_in  # noqa: PLC0415
    from workflows.intake import refresher  # noqa: PLC0415
    from workflows.models import Environment  # noqa: PLC0415

    refresher.refresh()
    environment = Environment.objects.get(id=UUID(env))
    told, numbers = Told(), itertools.count()

    def work(_: int) -> None:
        for number in itertools.takewhile(lambda each: each < rate * seconds, numbers):
            due = at + number / rate
            threading.Event().wait(max(0.0, due - time.time()))
            began = time.time()
            if began > at + seconds:
                return
            type_ = types[number % len(types)]
            try:
                told.add(type_, due, began, hand_in(type_, {"n": number}, env=environment, key=f"{name}-{number}"))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is not expected, and is told
                told.failed(error)

    list(threads().map(work, range(THREADS)))
    return told.as_dict()


@cache
def threads() -> ThreadPoolExecutor:
    """Return the threads of this process; each keeps its connection."""
    return ThreadPoolExecutor(THREADS)


if __name__ == "__main__":
    main()
