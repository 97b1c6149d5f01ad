"""Passes that are killed, and others beside them: each fire is one instance, whoever dies where."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tests.intake.schedules import make_due
from tests.processes import environment
from tests.tenants import make_env
from tests.waiting import until
from workflows.intake import firing, schedules
from workflows.models import Instance, Schedule

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
SCHEDULES = 12


@pytest.fixture
def due():
    """Make schedules that are due; as they were made."""
    env = make_env()
    return [make_due(env) for _ in range(SCHEDULES)]


def start(point: str) -> subprocess.Popen:
    env = environment(WORKFLOWS_SCHEDULE_LEASE_SECONDS="1", WORKFLOWS_SCHEDULE_BATCH="8")
    return subprocess.Popen([sys.executable, "-m", "tests.intake.dying_passes", point], env=env)


def all_are_settled() -> bool:
    schedules.fire_due(datetime.now(UTC))
    return not Schedule.objects.filter(wake_at__lt=datetime.now(UTC) + timedelta(hours=1)).exists()


def fired_once_each(due: list[Schedule]) -> bool:
    keys = [firing.key_of(schedule.id, schedule.next_at) for schedule in due]
    return sorted(Instance.objects.values_list("idempotency_key", flat=True)) == sorted(keys)


@pytest.mark.parametrize("point", ["before_submit", "after_submit", "while_settling"])
def test_what_a_killed_pass_held_is_fired_once(due, point):
    process = start(point)
    assert process.wait(60) == -signal.SIGKILL
    until(all_are_settled)
    assert fired_once_each(due)
    assert set(Schedule.objects.values_list("unsettled", "attempts")) == {(False, 0)}


def test_many_passes_of_which_some_are_killed_fire_each_once(due):
    processes = [start(point) for point in ("after_submit", "never", "while_settling")]
    assert {process.wait(60) for process in processes} <= {0, -signal.SIGKILL}
    until(all_are_settled)
    assert fired_once_each(due)
