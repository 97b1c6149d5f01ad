"""What is slow, or hangs, holds up only itself."""

import threading
from contextlib import contextmanager
from random import Random

from django_redis import get_redis_connection

from mollifier import buffer, conf, keys, patches, stats
from mollifier.decision import Scope
from mollifier.lanes import Lanes
from tests.mollifier.makers import ACME, accept
from tests.mollifier.memory import MemoryMaterialiser
from tests.mollifier.test_drainer import Gated, draining
from tests.waiting import until

SLOW, QUICK = Scope("slow", "production"), Scope("quick", "production")


class Hanging(MemoryMaterialiser):
    """Hangs each time it meets one of these ids, until the test ends; others are written."""

    def __init__(self):
        super().__init__()
        self.never, self.entered, self.over = set(), [], threading.Event()

    def materialise(self, entries):
        if self.never & {entry.id for entry in entries}:
            self.entered.append(len(entries))
            assert self.over.wait(30)
        return super().materialise(entries)


@contextmanager
def hanging():
    made = Hanging()
    try:
        yield made
    finally:
        made.over.set()


def test_an_org_whose_batches_are_slow_does_not_hold_the_others():
    """Every lane is in a batch of the slow org, and it has more; what another org sends is written all the same."""
    gated = Gated("slow")
    slow = accept(400, SLOW)
    with draining(gated, CLAIM_ENTRIES=10, SLOW_BATCH_MS=50) as drainer:
        # Four lanes are in it, and the fifth claim is of it alone.
        until(lambda: drainer.report.claims >= 5)
        for _ in range(5):
            quick = accept(30, QUICK)
            until(lambda quick=quick: set(quick) <= set(gated.rows))
        assert not set(slow) & set(gated.rows)
        gated.open.set()
        until(lambda: set(slow) <= set(gated.rows))


def test_who_shared_a_slow_batch_is_served_by_itself_meanwhile():
    gated = Gated("slow")
    accept(20, SLOW)
    shared = accept(20, QUICK)
    with draining(gated, CLAIM_ENTRIES=10, CLAIMS_IN_FLIGHT=1, SLOW_BATCH_MS=50):
        assert gated.entered.wait(30)
        until(lambda: len(set(shared) & set(gated.rows)) >= 10)
        assert any(batch and set(batch) <= set(shared) for batch in gated.batches)
        gated.open.set()
        until(lambda: len(gated.rows) == 40)


def test_an_org_that_was_slow_once_is_claimed_with_the_others_again():
    gated = Gated("slow")
    accept(10, SLOW)
    with draining(gated, CLAIM_ENTRIES=100, CLAIMS_IN_FLIGHT=1, SLOW_BATCH_MS=50) as drainer:
        assert gated.entered.wait(30)
        until(drainer._lanes._suspects.names)
        gated.open.set()
        more = accept(10, SLOW)
        until(lambda: set(more) <= set(gated.rows))
        until(lambda: not drainer._lanes._suspects.names())


def test_a_batch_that_hangs_is_given_up_and_comes_back():
    with hanging() as store:
        (stuck,) = store.never = set(accept(1))
        with draining(store, HANDLER_TIMEOUT_MS=100, SLOW_BATCH_MS=50, SHUTDOWN_TIMEOUT_SECONDS=0.1) as drainer:
            until(lambda: drainer.report.given_up >= 1)
            store.never = set()
            until(lambda: stuck in store.rows)
            until(lambda: stats.overview().buffered == 0)
        assert drainer.report.hung >= 1
        assert store.written == [stuck]


def test_one_entry_that_hangs_is_isolated_and_its_neighbours_are_written():
    with hanging() as store:
        neighbours = accept(9)
        (stuck,) = store.never = set(accept(1))
        with draining(store, HANDLER_TIMEOUT_MS=100, SLOW_BATCH_MS=50, SHUTDOWN_TIMEOUT_SECONDS=0.1):
            until(lambda: set(neighbours) <= set(store.rows))
        assert store.entered[:2] == [10, 10]
        assert set(store.entered[2:]) <= {1}
        assert buffer.read(ACME, stuck).lapses >= 2


def test_what_a_hanging_batch_writes_after_all_counts_once():
    with hanging() as store:
        ids = accept(3)
        store.never = set(ids)
        with draining(store, HANDLER_TIMEOUT_MS=100, SLOW_BATCH_MS=50) as drainer:
            until(lambda: drainer.report.given_up >= 1)
            store.never = set()
            until(lambda: stats.overview().buffered == 0)
            store.over.set()
            until(lambda: drainer.report.lost >= 3)
        assert sorted(store.written) == sorted(ids)
        assert drainer.report.settled == 3


def test_a_drainer_with_too_many_hanging_batches_leaves():
    with hanging() as store:
        # One more may be in flight when it leaves, and is waited for.
        settings = {"CLAIM_ENTRIES": 1, "CLAIMS_IN_FLIGHT": 1, "HANDLER_TIMEOUT_MS": 50, "SLOW_BATCH_MS": 20}
        store.never = set(accept(30))
        with draining(store, **settings, SHUTDOWN_TIMEOUT_SECONDS=1) as drainer:
            until(lambda: drainer.report.hung >= 2)


def test_lanes_that_found_nothing_close_at_once():
    lanes = Lanes("name", MemoryMaterialiser(), conf.read({}), Random(1))
    lanes.open()
    lanes.close()
    assert (lanes.report.hung, lanes.report.claims) == (0, 0)


class Slow(MemoryMaterialiser):
    """Takes a hundredth of a second for each entry."""

    def materialise(self, entries):
        threading.Event().wait(len(entries) / 100)
        return super().materialise(entries)


def test_claims_shrink_while_batches_are_slow_to_write():
    accept(60)
    store = Slow()
    with draining(store, CLAIM_ENTRIES=20, CLAIMS_IN_FLIGHT=1, LATENCY_TARGET_MS=50):
        until(lambda: len(store.rows) == 60)
    sizes = [len(batch) for batch in store.batches]
    assert sizes[:3] == [20, 10, 5]
    assert max(sizes[3:]) <= 6


def test_a_drainer_goes_on_when_the_rate_lets_it(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "DRAIN_RATE": 20}
    ids = accept(30)
    store = MemoryMaterialiser()
    with draining(store) as drainer:
        until(lambda: drainer.report.settled == 30)
    assert store.written == ids
    assert len(store.batches[0]) == 20


def test_a_lane_outlives_a_claim_that_can_not_be_settled():
    gated = Gated(ACME.org)
    (one,) = accept(1)
    redis = get_redis_connection("buffer")
    with draining(gated, CLAIMS_IN_FLIGHT=1) as drainer:
        assert gated.entered.wait(30)
        patches.cancel(ACME, one, "too late?")
        # Reading what was patched fails now, after settling has met the patch.
        redis.set(keys.key("failed"), "not a sorted set")
        gated.open.set()
        until(lambda: not drainer._lanes.flights.all())
        redis.delete(keys.key("failed"))
        (two,) = accept(1, QUICK)
        until(lambda: two in gated.rows)
    assert buffer.give_up(next(iter(redis.zrange(keys.key("leases"), 0, -1))).decode()) == 1


def test_a_claim_that_can_not_be_read_ends_no_lane():
    accept(1, SLOW)
    get_redis_connection("buffer").zadd(keys.key("queue") + keys.place(SLOW), {"no id": 1})
    get_redis_connection("buffer").hincrby(keys.key("env") + keys.place(SLOW), "q", 1)
    quick = accept(5, QUICK)
    store = MemoryMaterialiser()
    with draining(store, CLAIMS_IN_FLIGHT=1, LEASE_MS=150, HANDLER_TIMEOUT_MS=100):
        until(lambda: set(quick) <= set(store.rows))
