import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from tests.waiting import until
from tests.workflows.making import dense, log_of, make_instance, make_instances, output, row, types_of
from tests.workflows.pumping import run_until_idle, running
from workflows import eventlog, pump, ready
from workflows.fence import Append, NewEvent
from workflows.intake import outside
from workflows.models import Instance, Shard
from workflows.pump import leases
from workflows.states import EventType, Status
from workflows.steps import step

pytestmark = pytest.mark.django_db(transaction=True)


@step
def add(first, second):
    return first + second


def test_a_hint_wakes_an_idle_pump_at_once(settings):
    settings.WORKFLOWS = {"POLL_MS": 60_000}
    first = make_instance()
    with running():
        until(lambda: row(first).status == Status.COMPLETED)
        second = make_instance()
        ready._sent.at.clear()
        ready.notify([0])
        until(lambda: row(second).status == Status.COMPLETED)


def test_a_lost_hint_costs_one_poll(settings):
    settings.WORKFLOWS = {"POLL_MS": 100}
    with running():
        until(lambda: Shard.objects.filter(index=0, epoch__gt=0).exists())
        instance = make_instance()
        until(lambda: row(instance).status == Status.COMPLETED)


def test_a_pump_takes_only_its_own_shard():
    mine, other = make_instance(shard=0), make_instance(shard=1)
    run_until_idle(0)
    assert (row(mine).status, row(other).status) == (Status.COMPLETED, Status.PENDING)


def test_a_parallelism_of_0_pauses_a_shard():
    Shard.objects.create(index=0, max_parallelism=0)
    instance = make_instance("steps", {"n": 1})
    with running():
        until(lambda: Shard.objects.get(index=0).epoch == 1)
        assert row(instance).status == Status.PENDING
        Shard.objects.filter(index=0).update(max_parallelism=5)
        until(lambda: row(instance).status == Status.COMPLETED)


def test_a_second_pump_leaves_a_live_one_alone(settings):
    settings.WORKFLOWS = {"LEASE_MS": 500, "HEARTBEAT_MS": 50}
    with running():
        until(lambda: Shard.objects.filter(index=0, epoch=1).exists())
        assert pump.run(0, lambda: False, outside) is None
    assert Shard.objects.get(index=0).epoch == 1


def test_stopping_finishes_running_steps_and_gives_the_rest_back(flow):
    started, release = threading.Event(), threading.Event()

    @step
    def hold():
        started.set()
        release.wait(20)

    @flow
    async def run(ctx, payload):
        await ctx.step(hold)
        await ctx.step(hold)

    instance = make_instance("flow")
    with running() as pumping:
        assert started.wait(20)
        pumping.stop_asked.set()
        threading.Timer(0.1, release.set).start()
        report = pumping.stop()
    assert types_of(instance) == ["created", "started", "step_completed"]
    left = row(instance)
    assert (left.epoch, left.takeovers, report.released) == (0, 0, 1)
    assert left.wake_at is not None
    run_until_idle()
    assert row(instance).status == Status.COMPLETED


def test_a_dead_pumps_instances_are_taken_over_under_a_new_epoch(flow):
    @flow
    async def run(ctx, payload):
        return await ctx.step(add, 1, 1)

    Shard.objects.create(index=0, epoch=4, owner="dead", deadline=timezone.now())
    instance = make_instance("flow", status=Status.RUNNING, epoch=4, wake_at=None, started_at=timezone.now())
    report = run_until_idle()
    assert report.epoch == 5
    assert (row(instance).status, output(instance)) == (Status.COMPLETED, 2)
    late = Append(instance, (NewEvent(EventType.STEP_COMPLETED, "step:add:1", '{"result": 3}'),))
    assert not isinstance(eventlog.append(late), eventlog.Appended)


def test_what_killed_its_owners_too_often_ends_as_a_crash_loop():
    Shard.objects.create(index=0, epoch=9, owner="dead", deadline=timezone.now())
    suspect = make_instance(status=Status.RUNNING, epoch=9, wake_at=None, takeovers=3)
    lost = make_instance(status=Status.RUNNING, epoch=9, wake_at=None, takeovers=4)
    run_until_idle()
    assert row(suspect).status == Status.COMPLETED
    assert (row(lost).status, row(lost).error_code) == (Status.SYSTEM_FAILURE, "crash_loop")


def test_a_suspect_runs_alone(flow):
    alone = []

    @step
    def look(name):
        alone.append((name, Instance.objects.filter(status=Status.RUNNING, takeovers__lt=2).count()))

    @flow
    async def run(ctx, name):
        await ctx.step(look, name)

    now = timezone.now()
    make_instance("flow", "suspect", takeovers=2, wake_at=now - timedelta(seconds=5))
    make_instances("flow", ["a", "b", "c"])
    run_until_idle()
    assert ("suspect", 0) in alone
    assert len(alone) == 4


def test_a_pump_that_lost_its_shard_stops_without_touching_it(settings):
    settings.WORKFLOWS = {"HEARTBEAT_MS": 50}
    with running() as pumping:
        until(lambda: Shard.objects.filter(index=0, epoch=1).exists())
        Shard.objects.filter(index=0).update(epoch=2, owner="other")
        pumping.thread.join(20)
        assert pumping.report.lost
    assert Shard.objects.get(index=0).owner == "other"


def test_work_goes_on_after_the_database_dropped_every_connection():
    instances = make_instances("steps", [{"n": 30}] * 20)
    with running() as pumping:
        until(lambda: row(instances[0]).last_seq > 3)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        until(lambda: Instance.objects.filter(id__in=instances, status=Status.COMPLETED).count() == 20)
    assert pumping.error is None
    for instance in instances:
        assert dense(instance)
        assert len(log_of(instance)) == 33


def test_an_error_of_the_pump_itself_ends_it_loudly_and_releases_nothing(monkeypatch):
    def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr("workflows.pump.runner.Runner.claimed", broken)
    make_instance()
    with pytest.raises(pump.PumpBroken):
        run_until_idle()
    assert Shard.objects.get(index=0).owner != ""


def test_lapsed_shards_are_those_without_a_live_pump():
    leases.acquire(1, "alive")
    Shard.objects.create(index=2, epoch=1, deadline=timezone.now())
    assert leases.lapsed_shards() == [0, 2, 3]


def test_what_pumps_did_is_told_with_the_heartbeat_and_adds_up(settings):
    settings.WORKFLOWS = {"HEARTBEAT_MS": 50}
    make_instance("steps", {"n": 3})
    with running():
        until(lambda: [shard for shard in Shard.objects.filter(index=0) if shard.counts.get("completed") == 1])
    make_instance("steps", {"n": 2})
    run_until_idle()
    counts = Shard.objects.get(index=0).counts
    assert (counts["completed"], counts["step_completed"], counts["appended"]) == (2, 5, 7)
