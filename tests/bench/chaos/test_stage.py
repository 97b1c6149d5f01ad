"""A scenario played by processes of their own, and what the judge makes of rows."""

import random

import pytest

from bench.chaos import crew, scenarios, stage
from bench.chaos.report import Part
from bench.chaos.scenarios import Scenario, Send
from bench.chaos.stage import Stage
from tests.workflows.making import make_instance, make_instances
from tests.workflows.pumping import run_until_idle
from workflows.models import Event, Instance

PART = Part("some", "")


@pytest.mark.processes
@pytest.mark.usefixtures("for_processes")
def test_a_scenario_is_sent_run_resumed_and_judged():
    load = Scenario("small", "two of a kind", (Send(0, "chaos-start", {"n": 1}), Send(0.1, "chaos-start", {"n": 2})))
    with crew.gathered(1, 1) as everybody, crew.pumping((0, 1, 2, 3)) as pumps:
        played = Stage(everybody, pumps, random.Random(1))
        found, raced = played.play(load), played.play(scenarios.race(3, 2))
    assert (found.good, found.started, found.completed) == (True, 2, 2), found
    assert sum(lane.count for lane in found.shards.values()) == 2
    assert (raced.good, raced.completed, raced.seen["tokens"]) == (True, 3, 6), raced


@pytest.mark.django_db(transaction=True)
def test_one_that_does_not_end_is_stuck():
    ids = make_instances("noop", [1, 2])
    stage.await_all(ids, 0)
    found = stage.judged(PART, ids)
    assert (found.started, found.stuck, found.good) == (2, 2, False)


@pytest.mark.django_db(transaction=True)
def test_one_that_failed_is_shown_unless_it_is_excused():
    bad = make_instance("chaos-loop", {})
    run_until_idle()
    assert stage.judged(PART, [bad]).failed == 1
    assert stage.judged(PART, [bad]).examples == (f"{bad}: failed error",)
    assert stage.judged(PART, [bad], excused=[bad]).good


@pytest.mark.django_db(transaction=True)
def test_a_spoilt_log_is_corrupted():
    instance = make_instance("steps", {"n": 2})
    run_until_idle()
    Event.objects.filter(instance_id=instance, seq=3).delete()
    found = stage.judged(PART, [instance])
    assert (found.corrupted, found.good) == (1, False)
    assert {"gap", "tail"} <= set(found.faults)


@pytest.mark.django_db(transaction=True)
def test_each_scenario_has_an_env_of_its_own():
    assert stage.make_env().id != stage.make_env().id
    assert Instance.objects.count() == 0
