"""What buffers of this kind get wrong, by the numbers of docs/faults.md: the ones that no other test shows."""

import subprocess
import sys
import uuid
from random import Random
from time import monotonic

import pytest
from django_redis import get_redis_connection

from launch import process, valkey
from mollifier import buffer, client, conf, gate, keys, lua, mirror, pages, patches, stats, sweep
from mollifier.decision import Mode, Mollify, Passed, PassThrough, Scope
from mollifier.drainer import Drainer
from mollifier.entry import Requeue, Settle
from tests import servers
from tests.mollifier import wires
from tests.mollifier.makers import ACME, accept, arrival
from tests.mollifier.memory import MemoryMaterialiser
from tests.waiting import until

CLAIMS_AND_HANGS = """
import time

import django

django.setup()
from mollifier import buffer

print(len(buffer.claim("mine", 100, 500).entries), flush=True)
time.sleep(600)
"""


def drain(materialiser, **changes):
    """Run until the buffer is empty."""
    settings = conf.read({"PAUSE_BASE_MS": 50, "PAUSE_CAP_MS": 200, **changes})
    return Drainer(materialiser, settings, dice=Random(1)).run(monotonic() + 30, 0.0)


def test_fault_1_what_a_killed_drainer_had_taken_is_drained_by_the_next():
    ids = accept(20)
    environment = servers.environment(DJANGO_SETTINGS_MODULE="settings.test")
    command = [sys.executable, "-c", CLAIMS_AND_HANGS]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as doomed:
        assert doomed.stdout.readline() == "20\n"
        doomed.kill()
    memory = MemoryMaterialiser()
    drain(memory)
    assert sorted(memory.written) == sorted(ids)


@pytest.mark.parametrize("script", ["claim", "settle"])
def test_fault_2_a_lost_reply_strands_nothing_and_starts_nothing_twice(settings, script):
    ids = accept(60)
    client.load_scripts()
    memory = MemoryMaterialiser()
    with wires.lossy(settings, lua.load(script).sha, losses=3) as wire:
        drain(memory, CLAIM_ENTRIES=10, CLAIMS_IN_FLIGHT=2)
        assert wire.lost == 3
    assert sorted(memory.written) == sorted(ids)
    assert (stats.overview().buffered, stats.counters().get("lapsed", 0)) == (0, 0), "no lease had to end for it"


def test_fault_4_an_entry_that_redis_dropped_is_a_dead_letter_and_not_gone_in_silence():
    ids = accept(3)
    get_redis_connection("buffer").delete(keys.key("entry") + str(ids[1]))
    memory = MemoryMaterialiser()
    drain(memory)
    assert sorted(memory.written) == sorted([ids[0], ids[2]])
    assert stats.overview().failed == 1


def test_fault_5_with_divert_off_entries_are_read_and_drained(settings):
    ids = accept(5)
    settings.MOLLIFIER = {**settings.MOLLIFIER, "DIVERT": False}
    assert gate.admit(arrival()) == PassThrough(Passed.DIVERT_OFF)
    assert buffer.read(ACME, ids[0]).id == ids[0]
    assert [entry.id for entry in pages.oldest(10, "acme")] == ids
    memory = MemoryMaterialiser()
    drain(memory)
    assert sorted(memory.written) == sorted(ids)


def test_fault_5_with_drain_off_entries_are_read_and_accepted(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "DRAIN": False}
    ids = accept(2)
    assert {entry.id for entry in pages.newest(ACME, None, 10).entries} == set(ids)
    assert stats.overview().queued == 2


@pytest.fixture
def cluster(settings, tmp_path):
    """A server that refuses whatever could not live in a Redis Cluster: keys of one call in several slots."""
    options = ("--cluster-enabled", "yes", "--cluster-port", str(process.free_port()))
    server = valkey.start(tmp_path, process.free_port(), (*valkey.THROWAWAY, *options))
    settings.CACHES = {
        alias: {**cache, "LOCATION": f"{server.url}?client_name={alias}"} for alias, cache in settings.CACHES.items()
    }
    client.exchange([("CLUSTER", "ADDSLOTSRANGE", 0, 16383)], 5)
    until(lambda: b"cluster_state:ok" in client.exchange([("CLUSTER", "INFO")], 5)[0])
    yield server
    server.stop()


def test_fault_18_everything_works_where_keys_must_share_a_slot(cluster):
    memory = MemoryMaterialiser()
    ids = accept(30) + accept(5, Scope("other", "production"))
    gate.admit_many([arrival(key=f"k{number}") for number in range(5)])
    assert isinstance(gate.admit(arrival(key="bound")), Mollify)
    leased = buffer.claim("t", 10, 60_000)
    buffer.settle("t", [Settle(leased.entries[0].id, 0), Requeue(leased.entries[1].id, 0, True, "x")])
    assert buffer.extend("t", 1)
    buffer.reclaim()
    patches.cancel(ACME, ids[5], "enough")
    gate.admit_many([arrival(mode=Mode.MIRROR, limit=1) for _ in range(3)])
    later_ms = get_redis_connection("buffer").time()[0] * 1000 + 60_000
    assert sum(mirror.compare(memory, now_ms=later_ms).values()) == 3
    assert pages.newest(ACME, None, 5).entries
    assert pages.oldest(5)
    assert sweep.run(conf.current()).wrapped
    assert stats.overview().available
    drain(memory)
    assert stats.overview().buffered == 0


def test_fault_19_no_script_keeps_redis_from_others():
    redis = get_redis_connection("buffer")
    for number in range(100):
        for name in ("a", "b"):
            accept(50, Scope(f"org-{number}", name))
    before = redis.config_get("slowlog-log-slower-than")["slowlog-log-slower-than"]
    redis.config_set("slowlog-log-slower-than", 250_000)
    redis.slowlog_reset()
    try:
        buffer.claim("lost", 1_000, 1)
        buffer.reclaim()
        while (batch := buffer.claim(uuid.uuid4().hex, 1_000, 60_000)).entries:
            stats.overview()
            buffer.settle(batch.token, [Settle(entry.id, 0) for entry in batch.entries])
            sweep.run(conf.current())
        assert redis.slowlog_get() == []
    finally:
        redis.config_set("slowlog-log-slower-than", before)
