"""A process that resumes hooks in bursts: `python -m bench.chaos.resumer` answers {"resume"} with what came of it."""

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import django

from bench.peers.answering import answer

# A resume mostly waits for its row, which the pump holds for the length of a group; so there are many at once.
THREADS = 24
# Hooks are numbered before they are committed, so some below the highest number may be seen after it.
OVERLAP = 500
LOOK_SECONDS = 0.02
SHOWN_ERRORS = 5


def main() -> None:
    django.setup()
    answer({"resume": resume}, "resumer")


def resume(
    env: str, until: float, part: Sequence[int], expected: int, between: Sequence[float], burst: int, seed: int
) -> dict[str, Any]:
    """Resume the hooks of an env, each in one burst, until all of its instances have finished or `until`.

    Each hook belongs to one of the parts; this process has one of them. Answers outcomes by name, and errors.
    """
    chance, bursts = random.Random(seed), Bursts(burst)
    known: set[int] = set()
    while time.time() < until:
        for id_, token, created_at in active(UUID(env), max(known, default=0) - OVERLAP):
            if id_ not in known and id_ % part[1] == part[0]:
                bursts.due.append((created_at.timestamp() + chance.uniform(*between), token))
            known.add(id_)
        bursts.send(time.time())
        if not bursts.due and finished(UUID(env)) >= expected:
            break
        time.sleep(LOOK_SECONDS)
    return told(bursts.sent)


@dataclass
class Bursts:
    """What is to be sent when, and what was. When they pile up the latest goes first: its hook may still be open."""

    size: int
    due: list[tuple[float, str]] = field(default_factory=list)
    sent: list[Future[Counter[str]]] = field(default_factory=list)

    def send(self, now: float) -> None:
        """Send what is due, as far as threads are free."""
        free = THREADS - sum(not each.done() for each in self.sent[-THREADS * 2 :])
        ready = sorted((each for each in self.due if each[0] <= now), reverse=True)[: max(0, free)]
        self.due = [each for each in self.due if each not in ready]
        self.sent += [threads().submit(burst_of, token, self.size) for _, token in ready]


def told(bursts: Sequence[Future[Counter[str]]]) -> dict[str, Any]:
    """Return the outcomes of all resumes by name, with how many tokens there were and how many came in time."""
    outcomes: Counter[str] = Counter(tokens=len(bursts))
    errors = []
    for each in bursts:
        try:
            counts = each.result(timeout=60)
            outcomes += counts
            outcomes["tokens_in_time"] += counts["Resumed"] > 0
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not expected, and is told
            errors.append(f"a resume raised {type(error).__name__}: {error}")
    return {"outcomes": dict(outcomes), "errors": errors[:SHOWN_ERRORS]}


def burst_of(token: str, count: int) -> "Counter[str]":
    """Resume one token so many times in a row; each resume is another one."""
    from workflows.hooks import resume as hand_in  # noqa: PLC0415 - it imports models

    answers = (hand_in(token, b'{"n":%d}' % number, resume_id=f"r-{number}") for number in range(count))
    return Counter(type(each).__name__ for each in answers)


def active(env_id: UUID, after: int) -> Iterator[tuple[int, str, datetime]]:
    """Yield the open hooks of an env, those numbered above some."""
    from workflows.models import Hook  # noqa: PLC0415

    found = Hook.objects.filter(id__gt=after, env_id=env_id, disposed_at=None)
    yield from found.values_list("id", "token", "created_at")


def finished(env_id: UUID) -> int:
    from workflows.models import Instance  # noqa: PLC0415

    return Instance.objects.filter(env_id=env_id, finished_at__isnull=False).count()


@cache
def threads() -> ThreadPoolExecutor:
    """Return the threads of this process; each keeps its connection."""
    return ThreadPoolExecutor(THREADS)


if __name__ == "__main__":
    main()
