"""What the fences of the log promise, tried with many writers at once on real rows."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import UUID

from django.db import connection

from bench.chaos import deaths
from bench.chaos.report import Part
from workflows import eventlog
from workflows.fence import Append, Appended, Conflict, Fence, LostOwnership, NewEvent, Outcome
from workflows.models import Event, Instance
from workflows.states import EventType

DECIDERS, TRIES = 8, 50
OUTSIDERS, WRITES = 4, 25
R = TypeVar("R")


def tried(tries: int = TRIES) -> Part:
    """Have deciders meet at one tail, outsiders among them, and a dead epoch come last."""
    began = time.monotonic()
    ids = deaths.start("steps", b'{"n":1}', tries)
    wrong: list[str] = []
    won: Counter[str] = Counter()
    for id_ in ids:
        wrong += [f"{id_}: {fault}" for fault in (*one_decides(id_, won), *outsiders_land(id_), *the_dead_do_not(id_))]
    # They are not to be run: their logs hold what no workflow asked for.
    Instance.objects.filter(id__in=ids).delete()
    Event.objects.filter(instance_id__in=ids).delete()
    return Part(
        "fences",
        f"{DECIDERS} deciders at one tail, {OUTSIDERS} outsiders, a dead epoch; {tries} times",
        started=tries,
        completed=tries,
        seconds=round(time.monotonic() - began, 2),
        seen=dict(won),
        unexpected=tuple(wrong),
    )


def one_decides(id_: UUID, won: "Counter[str]") -> list[str]:
    """Of all that decide at one tail exactly one appends, and the others allocate nothing."""
    tail = tail_of(id_)
    outcomes = at_once(DECIDERS, lambda number: decide(id_, number, Fence(tail=tail)))
    words = Counter(outcome.word for outcome in outcomes)
    won.update(words)
    faults = []
    if words != {Appended.word: 1, Conflict.word: DECIDERS - 1}:
        faults.append(f"of {DECIDERS} deciders at {tail}: {dict(words)}")
    if tail_of(id_) != tail + 1 or written(id_) != tail + 1:
        faults.append(f"after 1 append at {tail} the row says {tail_of(id_)}, the log has {written(id_)}")
    return faults


def outsiders_land(id_: UUID) -> list[str]:
    """Those who write without a fence always land, whoever decides meanwhile."""
    before = tail_of(id_)
    landed = Counter(
        outcome.word
        for outcomes in at_once(OUTSIDERS, lambda number: [decide(id_, number, Fence()) for _ in range(WRITES)])
        for outcome in outcomes
    )
    if landed != {Appended.word: OUTSIDERS * WRITES} or written(id_) != before + OUTSIDERS * WRITES:
        return [f"of {OUTSIDERS * WRITES} outside writes: {dict(landed)}"]
    return []


def the_dead_do_not(id_: UUID) -> list[str]:
    """An epoch that does not own the instance is refused, at the right tail too, and allocates nothing."""
    tail = tail_of(id_)
    Instance.objects.filter(id=id_).update(epoch=5)
    outcome = decide(id_, 0, Fence(tail=tail, epoch=4))
    if not isinstance(outcome, LostOwnership) or written(id_) != tail:
        return [f"a dead epoch got {outcome}, the log has {written(id_)} after {tail}"]
    return []


def decide(id_: UUID, number: int, fence: Fence) -> Outcome:
    return eventlog.append(Append(id_, (NewEvent(EventType.ATTRIBUTE_SET, "", f'{{"n":{number}}}'),), fence))


def at_once(count: int, call: Callable[[int], R]) -> list[R]:
    """Call with 0 .. count - 1 at the same moment, each on a connection of its own."""
    barrier = threading.Barrier(count)

    def run(number: int) -> R:
        try:
            connection.ensure_connection()
            barrier.wait(30)
            return call(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def tail_of(id_: UUID) -> int:
    return Instance.objects.values_list("last_seq", flat=True).get(id=id_)


def written(id_: UUID) -> int:
    return Event.objects.filter(instance_id=id_).count()
