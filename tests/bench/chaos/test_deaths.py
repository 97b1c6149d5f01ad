"""What the trials with dying pumps stand on; the trials themselves are played by bin/bench stress."""

import pytest

from bench.chaos import deaths
from bench.chaos.crew import Pump
from tests.waiting import until
from tests.workflows.pumping import run_until_idle, running
from workflows.models import Instance, Shard

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_dead_pump_is_started_again_and_a_live_one_left_alone(tmp_path):
    pump = Pump((0,), tmp_path / "log", ("-c", "import time; time.sleep(60)"))
    try:
        assert deaths.revived(pump)
        assert not deaths.revived(pump)
        pump.kill()
        assert deaths.revived(pump)
    finally:
        pump.kill()


def test_steps_are_counted_as_they_are_recorded():
    ids = deaths.start("steps", b'{"n":3}', 2)
    assert deaths.recorded(ids) == 0
    run_until_idle()
    assert deaths.recorded(ids) == 6
    assert set(Instance.objects.values_list("shard", flat=True)) == {0}


def test_it_is_seen_who_holds_shards():
    assert deaths.owned() == 0
    with running():
        until(lambda: deaths.held(1))
        assert not deaths.held(2)
        assert deaths.owned() == Shard.objects.get(index=0).epoch == 1


def test_what_never_happens_ends_the_run(monkeypatch):
    monkeypatch.setattr(deaths, "PATIENCE_SECONDS", 0)
    with pytest.raises(TimeoutError):
        deaths.wait_for(lambda: False)


@pytest.mark.processes
@pytest.mark.usefixtures("for_processes")
def test_a_killed_pump_loses_nothing_and_another_takes_over(monkeypatch):
    # How long that takes is for the bench to judge; other tests load this machine.
    monkeypatch.setattr(deaths, "ALLOWANCE_SECONDS", 60)
    found = deaths.killed(30)
    assert found.good, found
    assert (found.completed, found.seen["recorded_steps"]) == (30, 30 * deaths.STEPS)
