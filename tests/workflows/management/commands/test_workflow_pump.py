"""The workflow_pump command."""

import json
import signal

import pytest
from django.core.management import CommandError, call_command

from tests.waiting import until
from tests.workflows.making import make_instance
from tests.workflows.pumping import running
from workflows.models import Instance, Shard
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _signals_as_they_were():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_once_runs_what_is_ready_on_every_shard_and_tells(capsys):
    instances = [make_instance("steps", {"n": 2}, shard=shard) for shard in range(4)]
    call_command("workflow_pump", "--once", "--json")
    told = json.loads(capsys.readouterr().out)
    assert Instance.objects.filter(id__in=instances, status=Status.COMPLETED).count() == 4
    assert sorted(pump["shard"] for pump in told["pumps"]) == [0, 1, 2, 3]
    assert all(pump["counts"]["completed"] == 1 for pump in told["pumps"])
    assert told["held_by_others"] == []


def test_a_shard_that_a_live_pump_holds_is_left_to_it(capsys, settings):
    settings.WORKFLOWS = {"LEASE_MS": 500, "HEARTBEAT_MS": 50}
    with running(2):
        until(lambda: Shard.objects.filter(index=2, epoch=1).exists())
        with pytest.raises(SystemExit) as ended:
            call_command("workflow_pump", "--once", "--shard", "2", "--json")
    assert ended.value.code == 5
    assert json.loads(capsys.readouterr().out) == {"pumps": [], "held_by_others": [2]}


def test_a_shard_that_does_not_exist_is_refused():
    with pytest.raises(CommandError, match="0 to 3"):
        call_command("workflow_pump", "--shard", "4")
