"""What the phases of a cascade stand on; test_cascade plays them."""

from collections import Counter

import pytest

from bench.chaos import phases
from bench.chaos.phases import Emitted
from tests.bound import emitted
from tests.tenants import make_env
from workflows import engine
from workflows.intake import events, refresher, relay
from workflows.models import Binding, Instance, Storm

REFUSED = "throttled_event_backlog"


def told(outcomes, **more):
    return {"emitted": 5, "latest_seconds": 0.5, "errors": [], "outcomes": outcomes, "refused_at": {}} | more


def test_what_several_emitters_were_told_is_summed_and_the_first_refusal_counts():
    both = Emitted()
    both.add(told({"a t": {"Started": 2, REFUSED: 3}}, refused_at={"a t": 12.0}))
    both.add(
        told({"a t": {REFUSED: 5}, "b t": {"Buffered": 1}}, refused_at={"a t": 11.0}, latest_seconds=2, errors=["e"])
    )
    assert (both.events, both.latest_seconds, both.errors) == (10, 2, ["e"])
    assert both.outcomes == {"a t": Counter({"Started": 2, REFUSED: 8}), "b t": Counter(Buffered=1)}
    assert both.refused_at == {"a t": 11.0}
    assert both.count("Started", "Buffered") == 3


def test_looking_ends_when_it_holds_or_the_time_is_up():
    answers = iter([False, True])
    assert phases.until(lambda: next(answers), 5)
    assert not phases.until(lambda: False, 0)


@pytest.mark.django_db(transaction=True)
def test_the_ends_of_two_start_each_other_until_their_bindings_are_switched_off():
    env = make_env()
    bound = phases.bind(env, "allow_all", 50)
    refresher.refresh()
    assert [each.definition for each in Binding.objects.order_by("created_at")] == [each[1] for each in phases.LOOPS]
    events.submit_matching(emitted(env, phases.PING))
    assert not phases.is_calm(env)
    finish_all()
    assert not phases.is_calm(env), "what it started is not there yet, but on its way"
    relay.deliver(10)
    assert set(Instance.objects.filter(finished_at=None).values_list("definition", flat=True)) == {"chaos-pong"}
    phases.switch_off(bound)
    refresher.refresh()
    finish_all()
    relay.deliver(10)
    assert phases.is_calm(env)
    assert Instance.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_storm_whose_backlog_has_ended_is_closed_by_a_sweep():
    env = make_env()
    phases.bind(env, "allow_all", 1)
    refresher.refresh()
    for number in range(2):
        events.submit_matching(emitted(env, phases.PING, key=f"evt-{number}"))
    assert not phases.swept(env)
    finish_all()
    assert phases.swept(env)
    assert Storm.objects.get().closed_by == "sweep"


def finish_all():
    for id_ in Instance.objects.filter(finished_at=None).values_list("id", flat=True):
        engine.cancel(id_, "enough", actor="ada")
