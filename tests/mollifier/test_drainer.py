import gc
import threading
import uuid
from contextlib import contextmanager
from random import Random
from time import monotonic

import pytest
from django_redis import get_redis_connection

from mollifier import buffer, conf, gate, keys, patches, stats
from mollifier import drainer as drainer_module
from mollifier.conf import Conf
from mollifier.decision import Mode, Scope
from mollifier.drainer import Drainer
from mollifier.lead import Lead
from tests.mollifier.makers import ACME, NOW_MS, accept, arrival
from tests.mollifier.memory import MemoryMaterialiser
from tests.waiting import until

OTHER = Scope("other", "production")


def make(**changes) -> Conf:
    return conf.read({"CLAIM_ENTRIES": 50, "PAUSE_BASE_MS": 50, "PAUSE_CAP_MS": 200, **changes})


def drain(materialiser, linger=0.0, seconds=20.0, **changes):
    """Run until the buffer is empty, for so long at the most."""
    return Drainer(materialiser, make(**changes), dice=Random(1)).run(monotonic() + seconds, linger)


@contextmanager
def draining(materialiser, **changes):
    """Run a drainer beside the test until the block ends; yields a dict that gets its report."""
    stop = threading.Event()
    drainer = Drainer(materialiser, make(**changes), stop.is_set, Random(1))
    thread = threading.Thread(target=drainer.run, args=(monotonic() + 60, 60.0))
    thread.start()
    try:
        until(lambda: drainer.report.led)
        yield drainer
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


class Gated(MemoryMaterialiser):
    """Holds batches that contain an entry of one org until the test opens the gate."""

    def __init__(self, org):
        super().__init__()
        self.org, self.entered, self.open = org, threading.Event(), threading.Event()

    def materialise(self, entries):
        if any(entry.scope.org == self.org for entry in entries):
            self.entered.set()
            assert self.open.wait(30)
        return super().materialise(entries)


def test_everything_accepted_becomes_one_row_and_the_buffer_is_empty():
    ids = accept(120) + accept(30, OTHER)
    memory = MemoryMaterialiser()
    report = drain(memory)
    assert sorted(memory.written) == sorted(ids)
    assert (report.led, report.settled, report.waiting) == (True, 150, 0)
    assert stats.overview().buffered == 0


def test_with_one_lane_an_environment_is_written_in_accept_order():
    ids = accept(120)
    memory = MemoryMaterialiser()
    drain(memory, CLAIMS_IN_FLIGHT=1)
    assert memory.written == ids


def test_an_idle_drainer_is_woken_by_the_first_accept():
    memory = MemoryMaterialiser()
    with draining(memory):
        until(lambda: get_redis_connection("buffer").exists(keys.key("drainer")))
        times = []
        for _ in range(5):
            began = monotonic()
            (one,) = accept(1)
            until(lambda one=one: one in memory.rows)
            times.append(monotonic() - began)
    assert min(times) < 0.1, times


def test_only_one_drainer_leads():
    other = Lead(60_000)
    assert other.take().leads
    accept(1)
    memory = MemoryMaterialiser()
    report = drain(memory)
    assert not report.led
    assert memory.rows == {}


def test_a_drainer_that_loses_the_lead_stops_and_leaves_it_alone():
    redis = get_redis_connection("buffer")
    drainer = Drainer(MemoryMaterialiser(), make(), dice=Random(1))
    thread = threading.Thread(target=drainer.run, args=(monotonic() + 60, 60.0))
    thread.start()
    until(lambda: redis.exists(keys.key("drainer")))
    redis.set(keys.key("drainer"), "somebody else")
    thread.join(30)
    assert not thread.is_alive()
    assert redis.get(keys.key("drainer")) == b"somebody else"


def test_a_slow_batch_holds_up_nobody_elses():
    gated = Gated("slow")
    slow = accept(1, Scope("slow", "production"))
    with draining(gated):
        assert gated.entered.wait(30)
        quick = accept(20, OTHER)
        until(lambda: set(quick) <= set(gated.rows))
        assert not set(slow) & set(gated.rows)
        gated.open.set()
        until(lambda: set(slow) <= set(gated.rows))


def test_a_stop_finishes_what_is_in_flight():
    gated = Gated(ACME.org)
    ids = accept(3)
    with draining(gated) as drainer:
        assert gated.entered.wait(30)
        threading.Timer(0.1, gated.open.set).start()
    assert sorted(gated.rows) == sorted(ids)
    assert drainer.report.settled == 3


def test_a_stop_gives_back_what_does_not_end_in_time():
    gated = Gated(ACME.org)
    ids = accept(3)
    with draining(gated, SHUTDOWN_TIMEOUT_SECONDS=0.1):
        assert gated.entered.wait(30)
    assert [entry.id for entry in buffer.claim(uuid.uuid4().hex, 10, 60_000).entries] == ids
    gated.open.set()


def test_an_outage_spends_no_attempt_and_claims_stay_few():
    memory = MemoryMaterialiser()
    memory.away = True
    ids = accept(60)
    with draining(memory, PAUSE_BASE_MS=200, PAUSE_CAP_MS=400) as drainer:
        began = monotonic()
        until(lambda: drainer.report.claims >= 8)
        per_second = drainer.report.claims / (monotonic() - began)
        memory.away = False
        until(lambda: len(memory.rows) == 60)
        until(lambda: drainer.report.settled == 60)
    assert per_second < 20
    assert sorted(memory.rows) == sorted(ids)
    assert set(memory.rows.values()) == {"started"}
    assert drainer.report.failed == drainer.report.buried == 0
    counters = stats.counters()
    assert (counters["drain:given_back"] >= 60, counters.get("drain:requeued", 0)) == (True, 0)


def test_a_faulty_entry_is_retried_later_and_its_neighbours_are_not_held_up():
    memory = MemoryMaterialiser()
    ids = accept(5)
    memory.faulty = {ids[2]}
    with draining(memory, RETRY_BASE_MS=60_000):
        until(lambda: len(memory.rows) == 4)
        until(lambda: stats.overview().delayed == 1)
    entry = buffer.read(ACME, ids[2])
    assert (entry.attempts, entry.error) == (1, "division by zero")
    assert stats.counters()["drain:requeued"] == 1


def test_a_retry_that_works_is_an_instance_like_any_other():
    memory = MemoryMaterialiser()
    ids = accept(3)
    memory.faulty = {ids[1]}
    with draining(memory, RETRY_BASE_MS=20):
        until(lambda: len(memory.rows) == 2)
        memory.faulty = set()
        until(lambda: ids[1] in memory.rows)
        until(lambda: stats.overview().buffered == 0)
    assert memory.rows[ids[1]] == "started"


def test_an_exhausted_entry_is_buried_with_its_error():
    memory = MemoryMaterialiser()
    (one,) = accept(1)
    memory.faulty = {one}
    report = drain(memory, RETRY_BASE_MS=10, RETRY_CAP_MS=10, ATTEMPTS=3, RETRY_PERIOD_SECONDS=0)
    assert memory.rows == {one: "failed"}
    assert memory.errors == {one: "division by zero"}
    assert (report.buried, report.requeued) == (1, 2)


def test_an_invalid_entry_is_buried_at_once():
    memory = MemoryMaterialiser()
    (one,) = accept(1)
    memory.final = {one}
    assert drain(memory).requeued == 0
    assert memory.rows == {one: "failed"}


def test_what_can_not_even_be_buried_is_a_dead_letter():
    memory = MemoryMaterialiser()
    (one,) = accept(1)
    memory.final = memory.unburiable = {one}
    report = drain(memory)
    assert (report.failed, report.waiting) == (1, 0)
    assert "no such definition" in buffer.read(ACME, one).error


def test_an_entry_that_can_not_be_read_is_a_dead_letter():
    (one,) = accept(1)
    redis = get_redis_connection("buffer")
    redis.set(keys.key("entry") + str(one), "9 nonsense\n")
    report = drain(MemoryMaterialiser())
    assert report.failed == 1


def test_a_cancelled_entry_becomes_a_cancelled_row():
    memory = MemoryMaterialiser()
    (one,) = accept(1)
    patches.cancel(ACME, one, "not needed")
    drain(memory)
    assert memory.rows == {one: "cancelled"}


def test_a_cancel_while_the_row_is_written_reaches_the_row():
    gated = Gated(ACME.org)
    (one,) = accept(1)
    with draining(gated) as drainer:
        assert gated.entered.wait(30)
        patches.cancel(ACME, one, "too late?")
        gated.open.set()
        until(lambda: drainer.report.settled == 1)
    assert gated.rows == {one: "cancelled"}


def test_what_a_dead_drainer_held_is_written_after_its_lease():
    ids = accept(4)
    buffer.claim("the dead drainer's", 2, 300)
    memory = MemoryMaterialiser()
    with draining(memory):
        until(lambda: len(memory.rows) == 4)
    assert sorted(memory.rows) == sorted(ids)


def test_a_long_batch_keeps_its_lease():
    gated = Gated(ACME.org)
    accept(1)
    with draining(gated, LEASE_MS=300, DRAINER_LEASE_MS=300) as drainer:
        assert gated.entered.wait(30)
        lease = keys.key("leases")
        redis = get_redis_connection("buffer")
        ((_, first),) = redis.zrange(lease, 0, -1, withscores=True)
        until(lambda: redis.zrange(lease, 0, -1, withscores=True)[0][1] > first + 300_000)
        gated.open.set()
        until(lambda: drainer.report.settled == 1)
    assert drainer.report.lost == 0


class Broken(MemoryMaterialiser):
    """Breaks the port's promise once: raises, instead of answering."""

    def __init__(self):
        super().__init__()
        self.raised = False

    def materialise(self, entries):
        if not self.raised:
            self.raised = True
            raise RuntimeError("a bug")
        return super().materialise(entries)


def test_a_materialiser_that_raises_costs_an_attempt_and_loses_nothing():
    broken = Broken()
    ids = accept(3)
    report = drain(broken, RETRY_BASE_MS=10)
    assert sorted(broken.rows) == sorted(ids)
    assert report.requeued == 3


def test_redis_coming_back_is_enough():
    memory = MemoryMaterialiser()
    with draining(memory):
        ids = accept(2)
        until(lambda: len(memory.rows) == 2)
        get_redis_connection("buffer").execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        ids += accept(2)
        until(lambda: len(memory.rows) == 4)
    assert sorted(memory.rows) == sorted(ids)


@pytest.mark.parametrize("lanes", [1, 4])
def test_any_number_of_lanes_writes_each_entry_once(lanes):
    for number in range(5):
        accept(100, Scope(f"org-{number}", "production"))
    memory = MemoryMaterialiser()
    report = drain(memory, CLAIMS_IN_FLIGHT=lanes, CLAIM_ENTRIES=7)
    assert len(memory.written) == len(set(memory.written)) == report.settled == 500
    assert sum(len(batch) for batch in memory.batches) == 500


def test_mirrored_entries_are_compared_with_their_rows_while_others_are_drained(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "MIRROR_DELAY_MS": 0}
    materialiser = MemoryMaterialiser()
    mirrored = [arrival(mode=Mode.MIRROR, limit=1) for _ in range(4)]
    gate.admit_many(mirrored, now_ms=NOW_MS)
    materialiser.rows = dict.fromkeys([mirrored[1].id, mirrored[2].id], "started")
    kept = accept(120, OTHER)
    with draining(materialiser) as drainer:
        until(lambda: drainer.report.compared == 3 and drainer.report.settled == 120)
    assert sorted(materialiser.written) == sorted(kept)
    assert stats.overview().mirrored == 0
    assert {name: count for name, count in stats.counters().items() if name.startswith("mirrored")} == {
        "mirrored:equal": 2,
        "mirrored:missing": 1,
    }


def test_a_store_that_is_away_puts_a_comparison_off_and_loses_nothing(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "MIRROR_DELAY_MS": 0}
    materialiser = MemoryMaterialiser()
    materialiser.away = True
    gate.admit_many([arrival(mode=Mode.MIRROR, limit=1) for _ in range(2)], now_ms=NOW_MS)
    report = drain(materialiser, seconds=0.5)
    assert (report.compared, report.waiting, stats.overview().mirrored) == (0, 1, 1)


def test_the_collector_passes_over_what_was_loaded_before_once_a_process():
    drainer_module.spare_what_stays.cache_clear()
    gc.unfreeze()
    drain(MemoryMaterialiser())
    spared = gc.get_freeze_count()
    assert spared > 10_000
    drain(MemoryMaterialiser())
    assert gc.get_freeze_count() <= spared
