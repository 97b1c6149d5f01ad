"""What if an org had other settings: its own arrivals, through the real scripts."""

import math
from uuid import uuid4

import pytest

from mollifier.sandbox import Sandbox
from tests.intake.recorded import record
from tests.tenants import make_env
from workflows.intake import simulations
from workflows.intake.simulations import SimulationRefused, Wish

pytestmark = pytest.mark.django_db


def refused(org_id, **wish) -> SimulationRefused:
    with pytest.raises(SimulationRefused) as caught:
        simulations.simulate(org_id, Wish(**wish))
    return caught.value


def test_a_smaller_limit_is_compared_with_what_is_now():
    environment = make_env("acme", mode="shadow", limit=50)
    record(environment, 100, 100, 100)
    found = simulations.simulate(environment.org_id, Wish(limit=5, hold_ms=0))
    assert found.then.triggers == found.now.triggers == 300
    assert found.now.buffered == 0 < found.then.buffered
    assert (found.settings["limit"], found.settings["window_ms"], found.settings["drain_rate"]) == (5, 200, 500)
    assert found.since < found.until


def test_without_a_change_there_is_nothing_to_compare_with():
    environment = make_env("acme", mode="shadow", limit=5, hold_ms=0, weight=2.5)
    record(environment, 100)
    found = simulations.simulate(environment.org_id, Wish())
    assert found.now is None
    assert found.then.buffered > 0
    assert (found.settings["limit"], found.settings["weight"]) == (5, 2.5)


def test_a_slower_drain_makes_more_of_the_same_wait():
    environment = make_env("acme", mode="on", limit=1, window_ms=60_000)
    record(environment, 200)
    found = simulations.simulate(environment.org_id, Wish(drain_rate=20))
    assert found.then.max_age_ms > found.now.max_age_ms
    assert found.then.buffered == found.now.buffered == 199


def test_only_the_last_seconds_are_replayed_and_all_environments():
    acme = make_env("acme", mode="shadow")
    staging = make_env("acme", "staging")
    record(acme, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7)
    record(staging, 3)
    record(make_env("globex", mode="shadow"), 99)
    assert simulations.simulate(acme.org_id, Wish(last_seconds=15)).then.recorded == 13
    assert simulations.simulate(acme.org_id, Wish()).then.recorded == 20


def test_progress_is_heard_of_both_runs():
    environment = make_env("acme", mode="shadow")
    record(environment, 30)
    heard = []
    simulations.simulate(environment.org_id, Wish(limit=5), lambda done, of: heard.append((done, of)))
    assert heard.count((30, 30)) >= 2


def test_what_can_not_be_simulated_is_refused_with_its_reason():
    environment = make_env("acme", mode="shadow")
    assert refused(environment.org_id).code == "nothing_recorded"
    assert refused(uuid4()).code == "org_not_found"
    record(environment, 5)
    with Sandbox():
        assert refused(environment.org_id).code == "simulation_busy"


@pytest.mark.parametrize("field", simulations.BOUNDS)
def test_a_value_out_of_bounds_is_named(field):
    least, most = simulations.BOUNDS[field]
    for value in (least - 1, most + 1, math.nan, math.inf):
        fault = refused(uuid4(), **{field: value})
        assert (fault.code, fault.field) == ("values_invalid", field)


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_is_refused():
    assert refused(make_env("acme").org_id).code == "buffer_unavailable"
