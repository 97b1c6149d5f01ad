"""Who holds a shard: one owner at a time by the database's clock, and nothing of a dead one's is left behind."""

import json
from datetime import timedelta
from threading import Barrier, Thread
from time import monotonic

import pytest
from django.db import connection
from django.utils import timezone

from tests.workflows.making import log_of, make_instance, make_instances, row
from workflows import eventlog
from workflows.fence import Append, Fence, LostOwnership, NewEvent
from workflows.models import Instance, Shard
from workflows.pump import claims, leases
from workflows.states import EventType, Status

pytestmark = pytest.mark.django_db(transaction=True)


def shard(index=0):
    return Shard.objects.get(index=index)


def lapse():
    Shard.objects.update(deadline=timezone.now() - timedelta(milliseconds=1))


def running(epoch, **columns):
    return make_instance(status=Status.RUNNING, epoch=epoch, wake_at=None, **columns)


def test_a_shard_that_nobody_ever_held_is_taken_with_the_first_epoch():
    since = monotonic()
    lease = leases.acquire(3, "one")
    assert (lease.epoch, lease.max_parallelism, lease.counts) == (1, 200, "{}")
    assert (shard(3).owner, shard(3).epoch) == ("one", 1)
    remaining = leases.remaining_seconds(3)
    assert 4.0 - (monotonic() - since) <= remaining <= 4.0


def test_a_shard_is_taken_over_only_after_its_deadline_and_one_epoch_higher():
    leases.acquire(0, "one")
    assert leases.acquire(0, "two") is None
    lapse()
    assert leases.remaining_seconds(0) < 0
    assert leases.acquire(0, "two").epoch == 2
    assert (shard().owner, shard().epoch) == ("two", 2)


def test_of_many_that_reach_for_a_lapsed_shard_one_gets_it():
    leases.acquire(0, "dead")
    lapse()
    got, start = [], Barrier(6)

    def reach(name):
        start.wait(30)
        got.append(leases.acquire(0, name))
        connection.close()

    threads = [Thread(target=reach, args=(f"pump {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [lease.epoch for lease in got if lease is not None] == [2]
    assert len(got) == 6


def test_a_heartbeat_prolongs_the_lease_and_brings_what_operators_changed():
    lease = leases.acquire(0, "one")
    lapse()
    Shard.objects.update(max_parallelism=7)
    kept = leases.heartbeat(0, lease.epoch, '{"completed": 2}')
    assert (kept.epoch, kept.max_parallelism, json.loads(kept.counts)) == (1, 7, {"completed": 2})
    assert kept.at >= lease.at
    assert leases.acquire(0, "two") is None


def test_the_heartbeat_of_an_epoch_that_was_taken_over_changes_nothing():
    old = leases.acquire(0, "one")
    lapse()
    leases.acquire(0, "two")
    before = Shard.objects.values().get()
    assert leases.heartbeat(0, old.epoch, '{"completed": 99}') is None
    assert leases.release(0, old.epoch, '{"completed": 99}') == 0
    assert Shard.objects.values().get() == before


def test_counts_add_up_over_owners():
    Shard.objects.create(index=0, counts={"completed": 3, "claimed": 4})
    lease = leases.acquire(0, "one")
    assert json.loads(lease.total({"completed": 2, "failed": 1})) == {"completed": 5, "claimed": 4, "failed": 1}


def test_a_release_gives_the_shard_and_what_ran_to_the_next_without_blame():
    lease = leases.acquire(0, "one")
    mine, other = running(lease.epoch), running(lease.epoch, shard=1)
    waiting = make_instance(status=Status.WAITING, epoch=lease.epoch, wake_at=None)
    assert leases.release(0, lease.epoch, "{}") == 1
    assert (row(mine).epoch, row(mine).takeovers) == (0, 0)
    assert row(mine).wake_at <= timezone.now()
    assert (row(other).wake_at, row(waiting).wake_at) == (None, None)
    assert shard().owner == ""
    assert leases.acquire(0, "two").epoch == 2


def test_reaping_frees_what_dead_epochs_left_running_in_bounded_batches(settings):
    settings.WORKFLOWS = {"TAKEOVER_BATCH": 3}
    dead = [running(epoch, takeovers=1) for epoch in (1, 1, 1, 2)]
    mine, other = running(3), running(1, shard=1)
    waiting, ready = make_instance(status=Status.WAITING, epoch=1, wake_at=None), make_instance()
    untouched = {id_: row(id_).wake_at for id_ in (mine, other, waiting, ready)}
    assert [leases.reap(0, 3) for _ in range(3)] == [3, 1, 0]
    for instance in map(row, dead):
        assert (instance.status, instance.epoch, instance.takeovers) == (Status.RUNNING, 0, 2)
        assert instance.wake_at <= timezone.now()
    assert {id_: row(id_).wake_at for id_ in untouched} == untouched


def test_a_zombie_neither_claims_nor_appends():
    zombie = leases.acquire(0, "one").epoch
    held, fresh = make_instances("noop", [1, 2])
    Instance.objects.filter(id=fresh).update(wake_at=None)
    assert [claim.id for claim in claims.claim(0, zombie, 10).claims] == [held]
    lapse()
    successor = leases.acquire(0, "two").epoch
    Instance.objects.filter(id=fresh).update(wake_at=timezone.now())
    assert leases.reap(0, successor) == 1
    assert claims.claim(0, zombie, 10).claims == []
    late = Append(held, (NewEvent(EventType.STEP_COMPLETED, "step:a:1", '{"result":1}'),), Fence(epoch=zombie))
    assert eventlog.append(late) == LostOwnership(0)
    assert {claim.id for claim in claims.claim(0, successor, 10).claims} == {held, fresh}
    assert eventlog.append(late) == LostOwnership(successor)
    assert [type_ for _, type_, _ in log_of(held)] == ["created", "started"]


def test_the_lapsed_shards_are_those_to_start_a_pump_for():
    leases.acquire(1, "alive")
    leases.acquire(2, "dead")
    Shard.objects.filter(index=2).update(deadline=timezone.now())
    Shard.objects.create(index=3)
    assert leases.lapsed_shards() == [0, 2, 3]
    assert set(leases.deadlines()) == {1, 2}


def test_the_clock_carries_the_databases_time_on_and_never_back():
    noon = timezone.now() - timedelta(hours=1)
    clock = leases.Clock(noon)
    assert noon <= clock.now() < noon + timedelta(seconds=10)
    clock.at_least(noon - timedelta(minutes=5))
    assert clock.now() >= noon
    later = noon + timedelta(minutes=5)
    clock.at_least(later)
    assert clock.now() >= later
    assert clock.monotonic(later + timedelta(seconds=2)) - clock.monotonic(later) == pytest.approx(2)
