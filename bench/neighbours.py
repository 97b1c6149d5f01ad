"""B19: what an org waits in the buffer beside one whose every batch takes five seconds, against what it waits alone.

The drainer has to find out first, which takes it SLOW_BATCH_MS; that is in the minute that is measured.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import quantiles
from time import monotonic, sleep
from uuid import UUID

from django_redis import get_redis_connection

from bench import arrivals, result, rounds
from bench.result import Result, Target
from bench.rounds import Clock
from mollifier import conf, gate
from mollifier.decision import Arrival, Mollify, Reason
from mollifier.drainer import Drainer
from mollifier.entry import Comparison, Entry, Materialised, Outcome

ROUNDS = 1
SECONDS, A_SECOND = 60.0, 100
SLOW_SECONDS, SLOW_BACKLOG = 5.0, 5_000
MILLISECONDS = 1_000
QUICK, SLOW = arrivals.scopes(2)


class Store:
    """Writes nothing; notes when it had each entry, and takes its time over a batch that holds one of the slow org."""

    def __init__(self) -> None:
        self.had: dict[UUID, float] = {}
        self.over = threading.Event()

    def materialise(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        if any(entry.scope == SLOW for entry in entries):
            self.over.wait(SLOW_SECONDS)
        self.had |= dict.fromkeys([entry.id for entry in entries], monotonic())
        return [Materialised(entry.id) for entry in entries]

    def bury(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        return [Materialised(entry.id) for entry in entries]

    def compare(self, entries: Sequence[Entry]) -> Mapping[UUID, Comparison]:
        return {entry.id: Comparison.EQUAL for entry in entries}


def beside_a_slow_one(clock: Clock) -> list[Result]:
    """B19: the quick org's p99 from accept to written."""
    samples = rounds.in_turn(clock, ROUNDS, lambda: dwell(SLOW_BACKLOG), lambda: dwell(0))
    what = (
        f"p99 of what an org waits, {A_SECOND} entries a second beside one of {SLOW_SECONDS:g} s a batch, against alone"
    )
    return [result.make("B19", what, "ms", samples, Target(1.5, at_least=False))]


def dwell(slow: int) -> float:
    """Return the quick org's p99 in ms, with so many entries of the slow one before it."""
    get_redis_connection("buffer").flushdb()
    accept(arrivals.make(2 * slow, orgs=2)[1::2])
    accepted: dict[UUID, float] = {}
    with draining() as store:
        began = monotonic()
        for number in range(int(SECONDS * A_SECOND)):
            (one,) = arrivals.make(1, size=500)
            accepted[one.id] = monotonic()
            accept([one])
            sleep(max(0.0, began + (number + 1) / A_SECOND - monotonic()))
        give_up = monotonic() + SLOW_SECONDS * 2
        while len(accepted.keys() - store.had.keys()) and monotonic() < give_up:
            sleep(0.01)
        waits = [(store.had[id_] - at) * MILLISECONDS for id_, at in accepted.items()]
    return quantiles(waits, n=100)[98]


def accept(made: Sequence[Arrival]) -> None:
    decisions = gate.admit_many(made, force=Reason.DATABASE_UNAVAILABLE)
    assert all(isinstance(decision, Mollify) for decision in decisions), "not everything was buffered"


@contextmanager
def draining() -> Iterator[Store]:
    store, stop = Store(), threading.Event()
    drainer = Drainer(store, conf.current(), stop.is_set)
    thread = threading.Thread(target=drainer.run, args=(monotonic() + 120, 120.0))
    thread.start()
    try:
        yield store
    finally:
        store.over.set()
        stop.set()
        thread.join()
