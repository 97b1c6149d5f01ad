"""Each mode on real servers: what it refuses at boot, what it waits for, and what survives."""

import signal
import threading
from time import monotonic

import pytest
from django_redis import get_redis_connection
from redis import Redis

from launch import process, valkey
from mollifier import buffer, checks, gate, keys, prerequisites
from mollifier.conf import Conf, Durability, read
from mollifier.decision import Mollify, Passed, PassThrough, Reason
from mollifier.durability import Facts, judge
from tests.mollifier.makers import accept, arrival
from tests.waiting import until

GIB = 1024**3
RIGHT = Facts(policy="noeviction", maxmemory=0, append_only=True, appendfsync="everysec", replicas=0)
FIELDS = RIGHT.__slots__


def found(conf: Conf, **changes):
    facts = Facts(**({name: getattr(RIGHT, name) for name in FIELDS} | changes))
    return [(fault.id.removeprefix("mollifier."), fault.refused) for fault in judge(facts, conf)]


@pytest.mark.parametrize(
    ("mode", "facts", "expected"),
    [
        ("aof", {}, []),
        ("aof", {"append_only": False}, [("W002", False)]),
        ("memory", {"append_only": False}, []),
        ("synced", {"appendfsync": "always"}, []),
        ("synced", {}, [("E011", True)]),
        ("synced", {"appendfsync": None}, [("E011", True)]),
        ("synced", {"append_only": False, "appendfsync": "always"}, [("E011", True)]),
        ("replicated", {"replicas": 1}, []),
        ("replicated", {"replicas": 1, "append_only": False}, []),
        ("replicated", {}, [("W004", False)]),
        ("aof", {"policy": "allkeys-lru"}, [("E009", True)]),
        ("aof", {"policy": "volatile-ttl", "maxmemory": 8 * GIB}, [("E009", True)]),
        ("aof", {"maxmemory": 4 * GIB}, [("E010", True)]),
        ("aof", {"maxmemory": 9 * GIB // 2}, []),
    ],
)
def test_a_server_is_judged_by_the_mode(mode, facts, expected):
    assert found(read({"DURABILITY": mode}), **facts) == expected


def test_without_a_total_cap_a_full_redis_is_only_warned_of():
    assert found(read({"CAP_TOTAL_BYTES": 0}), maxmemory=GIB) == [("W003", False)]


def test_only_modes_that_wait_have_the_longer_time():
    seconds = {mode: read({"DURABILITY": mode.value}).admit_seconds for mode in Durability}
    assert seconds == {"memory": 0.05, "aof": 0.05, "synced": 2.0, "replicated": 2.0}


# Real servers.


class World:
    """A server of this test's own that the service uses; its replica, when asked for."""

    def __init__(self, settings, place):
        self.settings, self.place, self.servers = settings, place, []

    def start(self, *options, name="primary"):
        server = valkey.start(self.place / name, process.free_port(), options)
        self.servers.append(server)
        return server

    def use(self, server, **mollifier):
        self.settings.CACHES = {
            alias: {**cache, "LOCATION": f"{server.url}?client_name={alias}"}
            for alias, cache in self.settings.CACHES.items()
        }
        self.settings.MOLLIFIER = {**self.settings.MOLLIFIER, **mollifier}
        gate.breaker.succeeded()

    def start_replica(self, primary):
        port = primary.url.rsplit(":", 1)[1].split("/")[0]
        replica = self.start("--replicaof", f"127.0.0.1 {port}", name="replica")
        with Redis.from_url(replica.url) as asked:
            until(lambda: asked.info("replication")["master_link_status"] == "up")
        return replica


@pytest.fixture
def world(settings, tmp_path):
    made = World(settings, tmp_path)
    yield made
    gate.breaker.succeeded()
    for server in made.servers:
        if server.child.poll() is None:
            server.child.send_signal(signal.SIGCONT)
            server.stop()


def kill(server):
    server.child.kill()
    server.child.wait()


def forced():
    """Hand in a trigger that is to be kept."""
    arrived = arrival()
    return arrived.id, gate.admit(arrived, force=Reason.DATABASE_UNAVAILABLE)


def claimed():
    return [entry.id for entry in buffer.claim("t", 100, 60_000).entries]


def test_synced_is_refused_at_boot_until_each_write_is_synced(world):
    world.use(world.start(*valkey.DURABLE), DURABILITY="synced")
    assert [message.id for message in checks.check_redis()] == ["mollifier.E011"]
    get_redis_connection("buffer").config_set("appendfsync", "always")
    assert checks.check_redis() == []


def test_check_setup_judges_by_the_same_rules(world):
    world.use(world.start("--appendonly", "no"), DURABILITY="memory")
    findings = {finding.name: finding for finding in prerequisites._keeping()}
    assert not any(finding.wrong for finding in findings.values())
    world.use(world.servers[0], DURABILITY="synced")
    assert {finding.name for finding in prerequisites._keeping() if finding.wrong and finding.required} == {
        "append-only file"
    }
    get_redis_connection("buffer").config_set("maxmemory", GIB)
    assert "memory" in {finding.name for finding in prerequisites._keeping() if finding.wrong and finding.required}


def written() -> bool:
    """Tell whether all that was accepted is in the file: under everysec a write waits for a slow sync before it."""
    return get_redis_connection("buffer").info("persistence")["aof_buffer_length"] == 0


@pytest.mark.parametrize("fsync", ["everysec", "always"])
def test_what_was_accepted_survives_a_kill_of_redis(world, fsync):
    options = ("--appendonly", "yes", "--appendfsync", fsync)
    server = world.start(*options)
    world.use(server)
    ids = accept(20)
    until(written)
    kill(server)
    world.use(world.start(*options))
    assert claimed() == ids


def test_synced_waits_for_a_slow_disk_where_the_others_start_directly(world):
    server = world.start(*valkey.DURABLE)
    for mode, expected in (("synced", Mollify), ("aof", PassThrough)):
        world.use(server, DURABILITY=mode, EXCHANGE_TIMEOUT_MS=50, DURABLE_TIMEOUT_MS=20_000)
        assert isinstance(forced()[1], Mollify)
        server.child.send_signal(signal.SIGSTOP)
        # Longer than who can't be started has at the gate, shorter than a durable accept.
        timer = threading.Timer(2.0, server.child.send_signal, (signal.SIGCONT,))
        timer.start()
        assert isinstance(forced()[1], expected)
        timer.join()


def test_replicated_survives_the_loss_of_the_primary(world):
    primary = world.start(*valkey.THROWAWAY)
    replica = world.start_replica(primary)
    world.use(primary, DURABILITY="replicated", DURABLE_TIMEOUT_MS=20_000)
    assert checks.check_redis() == []
    ids = []
    for _ in range(10):
        id_, decision = forced()
        assert isinstance(decision, Mollify)
        ids.append(id_)
    kill(primary)
    with Redis.from_url(replica.url) as promoted:
        promoted.replicaof("NO", "ONE")
    world.use(replica)
    assert claimed() == ids


def test_a_replica_that_does_not_confirm_in_time_is_a_lost_reply(world):
    primary = world.start(*valkey.THROWAWAY)
    replica = world.start_replica(primary)
    world.use(primary, DURABILITY="replicated", DURABLE_TIMEOUT_MS=300)
    get_redis_connection("buffer").script_flush()
    replica.child.send_signal(signal.SIGSTOP)
    began = monotonic()
    id_, decision = forced()
    assert decision == PassThrough(Passed.FAIL_OPEN), "it starts directly, under the same id"
    assert monotonic() - began >= 0.25
    assert get_redis_connection("buffer").exists(keys.key("entry") + str(id_)), "the entry is the same id's"
    world.use(primary, DURABILITY="aof")
    assert isinstance(forced()[1], Mollify), "the other modes ask no replica"
    replica.child.send_signal(signal.SIGCONT)
    world.use(primary, DURABILITY="replicated", DURABLE_TIMEOUT_MS=20_000)
    assert isinstance(forced()[1], Mollify)


def test_without_its_replicas_each_trigger_starts_directly_and_boot_warns(world):
    world.use(world.start(*valkey.THROWAWAY), DURABILITY="replicated", DURABLE_TIMEOUT_MS=100)
    assert [message.id for message in checks.check_redis()] == ["mollifier.W004"]
    assert forced()[1] == PassThrough(Passed.FAIL_OPEN)
