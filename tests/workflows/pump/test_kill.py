"""A pump that is killed in the middle of work: another takes over, and nothing is lost or recorded twice."""

import signal
import subprocess
import sys
from collections import Counter

import pytest

from tests.processes import environment
from tests.waiting import until
from tests.workflows.making import dense, make_instances
from tests.workflows.pumping import running
from workflows.models import Event, Instance, Shard
from workflows.states import EventType, Status

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


def start_pump():
    """Start a pump of shard 0 as a process of its own, on the database of this test."""
    env = environment(WORKFLOWS_LEASE_MS="1000")
    command = [sys.executable, "manage.py", "workflow_pump", "--shard", "0"]
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def recorded(type_):
    return Event.objects.filter(type=type_).count()


def test_killed_pumps_lose_nothing_and_record_each_step_once(settings):
    settings.WORKFLOWS = {"LEASE_MS": 1000}
    instances = make_instances("steps", [{"n": 20}] * 150) + make_instances("nap", [{"seconds": 0.2}] * 50)
    for _ in range(2):
        before = recorded(EventType.STEP_COMPLETED)
        victim = start_pump()
        try:
            until(lambda seen=before: recorded(EventType.STEP_COMPLETED) >= seen + 200, seconds=60)
        finally:
            victim.send_signal(signal.SIGKILL)
            victim.wait()
    with running(standby=True):
        until(lambda: Instance.objects.filter(status=Status.COMPLETED).count() == 200, seconds=60)

    assert Shard.objects.get(index=0).epoch == 3
    outcomes = Counter(Event.objects.filter(type=EventType.STEP_COMPLETED).values_list("instance_id", "correlation_id"))
    assert len(outcomes) == 150 * 20
    assert set(outcomes.values()) == {1}
    assert recorded(EventType.COMPLETED) == 200
    assert all(dense(instance) for instance in instances)
