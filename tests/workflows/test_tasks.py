import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.signing import SignedPackage

from tests.waiting import until
from tests.workflows.making import make_instance
from tests.workflows.pumping import running
from workflows import tasks
from workflows.models import Instance, Shard
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)


def queued():
    """Return (function, arguments, time-out) of what waits for the cluster of pumps."""
    broker = get_broker(tasks.CLUSTER)
    packages = broker.connection.lrange(broker.list_key, 0, -1)
    return [(task["func"], task["args"], task["timeout"]) for task in map(SignedPackage.loads, packages)]


def test_a_pump_is_enqueued_for_each_shard_without_one():
    Shard.objects.create(index=1, epoch=1, deadline=timezone.now() - timedelta(seconds=1))
    assert tasks.ensure_pumps() == [0, 1, 2, 3]
    assert queued() == [("workflows.tasks.pump", (shard,), -1) for shard in range(4)]


def test_pumps_that_wait_to_be_started_are_not_enqueued_again():
    tasks.ensure_pumps()
    assert tasks.ensure_pumps() == []
    assert len(queued()) == 4


def test_a_live_pump_is_left_alone_and_a_killed_one_is_followed(settings):
    settings.WORKFLOWS = {"SHARDS": 2, "LEASE_MS": 800, "HEARTBEAT_MS": 50}
    Shard.objects.create(index=1, epoch=1, owner="killed", deadline=timezone.now() + timedelta(milliseconds=400))
    with running(0):
        until(lambda: Shard.objects.filter(index=0, epoch=1).exists())
        assert tasks.ensure_pumps() == [1]
    assert [arguments for _, arguments, _ in queued()] == [(1,)]


def test_the_pump_task_runs_until_the_cluster_stops(settings):
    settings.WORKFLOWS = {"STOP_FLAG": "tests.workflows.test_tasks.stop_asked"}
    instance = make_instance()
    stop.clear()

    def run():
        tasks.pump(0)
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: Instance.objects.get(id=instance).status == Status.COMPLETED)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


def test_without_a_host_nothing_asks_a_pump_to_stop(settings):
    settings.WORKFLOWS = {"STOP_FLAG": ""}
    assert tasks.stop_flag()() is False


def test_the_outbox_is_swept_in_batches(settings):
    settings.WORKFLOWS = {"OUTBOX_BATCH": 2}
    from tests.workflows.test_outbox import make_rows

    make_rows(5)
    assert tasks.deliver_outbox() == 5


stop = threading.Event()


def stop_asked():
    return stop.is_set()
