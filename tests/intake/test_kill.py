"""A drainer that is killed in the middle of work: whatever it held is an instance once, and long before its lease."""

import signal
import subprocess
import sys

import pytest

from mollifier import gate, stats
from mollifier.decision import Arrival, Limits, Mode, Mollify, Reason, Rollout
from tests.processes import environment
from tests.tenants import make_env, seen, trigger
from tests.waiting import until
from workflows import snapshot
from workflows.intake.lookup import scope_of
from workflows.models import Event, Instance
from workflows.states import EventType

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

ENTRIES = 500
POINTS = ["AfterClaim", "WhileWriting", "BeforeSettle", "InSettle"]


def start_drainer(materialiser):
    """Start a drainer as a process of its own, on the stores of this test; its leases last a minute."""
    env = environment(
        MOLLIFIER_MATERIALISER=materialiser,
        MOLLIFIER_CLAIM_ENTRIES="40",
        MOLLIFIER_DRAINER_LEASE_MS="500",
        MOLLIFIER_LEASE_MS="60000",
    )
    command = [sys.executable, "manage.py", "mollifier_drain"]
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def accept(env, count):
    made = [trigger(env) for _ in range(count)]
    rollout = Rollout(Mode.ON, True, Limits())
    arrivals = [Arrival(each.id, scope_of(seen(env)), rollout, snapshot.encode(each)) for each in made]
    decisions = gate.admit_many(arrivals, force=Reason.DATABASE_UNAVAILABLE)
    assert all(isinstance(decision, Mollify) for decision in decisions)
    return {each.id for each in made}


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_drainers_entries_are_instances_once_within_its_lease(point):
    env, other = make_env(), make_env("other")
    ids = accept(env, ENTRIES // 2) | accept(other, ENTRIES // 2)
    victim = start_drainer(f"tests.intake.dying.{point}")
    assert victim.wait(30) == -signal.SIGKILL
    assert stats.overview().buffered > 0, "it died in the middle of it"
    follower = start_drainer("workflows.intake.materialiser.InstanceMaterialiser")
    try:
        until(lambda: stats.overview().buffered == 0)
    finally:
        follower.send_signal(signal.SIGTERM)
        assert follower.wait(20) == 0
    assert set(Instance.objects.values_list("id", flat=True)) == ids
    created = Event.objects.filter(type=EventType.CREATED)
    assert set(created.values_list("instance_id", flat=True)) == ids
    assert created.count() == ENTRIES
