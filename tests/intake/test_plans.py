"""Guarded rollouts: up by a schedule, back by themselves."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from mollifier import client, keys
from tests.tenants import make_env
from workflows import webhooks
from workflows.audit import Actor
from workflows.intake import guardrails, plans, rollout
from workflows.intake.guardrails import Guardrails
from workflows.intake.plans import PlanRefused, Step
from workflows.models import Delivery, FlagChange, OrganizationFlags, PlanEvent, RolloutPlan

pytestmark = pytest.mark.django_db
ADA = Actor("ada")
STEPS = (Step("shadow", 100, 60), Step("on", 5, 120), Step("on", 100, 60))
NOW = timezone.now()


@pytest.fixture
def org():
    return make_env("acme", "production", mode="off", percent=40).org


def begun(org, **given):
    return plans.begin(org.id, **{"actor": ADA, "reason": "launch", "steps": STEPS, "now": NOW, **given})


def at(seconds: int) -> int:
    return plans.run(NOW + timedelta(seconds=seconds))


def stands(org) -> tuple[str, int]:
    return OrganizationFlags.objects.values_list("mode", "percent").get(org=org)


def count(name: str, by: int) -> None:
    client.call(("HINCRBY", keys.key("counters"), name, by))


def kinds(plan) -> list[str]:
    return list(PlanEvent.objects.filter(plan=plan).values_list("kind", flat=True))


def test_a_plan_goes_up_as_each_step_has_baked_and_is_finished(org):
    plan = begun(org)
    assert stands(org) == ("shadow", 100)
    assert (at(59), stands(org)) == (0, ("shadow", 100))
    assert (at(60), stands(org)) == (1, ("on", 5))
    assert (at(179), stands(org)) == (0, ("on", 5))
    assert (at(180), stands(org)) == (1, ("on", 100))
    assert (at(240), at(300)) == (1, 0)
    plan.refresh_from_db()
    assert (plan.status, plan.step, plan.ended_at) == ("finished", 2, NOW + timedelta(seconds=240))
    assert kinds(plan) == ["begun", "advanced", "advanced", "finished"]
    changes = list(FlagChange.objects.order_by("id").values_list("actor_name", flat=True))
    assert changes == ["ada", f"rollout plan {plan.pk}", f"rollout plan {plan.pk}"]


@pytest.mark.parametrize(
    ("counter", "by", "said"),
    [
        ("drain:requeued", 101, "drain failures 101, at most 100"),
        ("dwell:60000", 50, "dwell p95"),
        ("gate:passed:fail_open", 5, "failed open"),
    ],
)
def test_a_broken_guardrail_goes_back_to_the_step_before_with_a_record(org, counter, by, said):
    plan = begun(org)
    at(60)
    count(counter, by)
    assert at(61) == 1
    assert stands(org) == ("shadow", 100)
    plan.refresh_from_db()
    assert plan.status == "rolled_back"
    change = FlagChange.objects.first()
    assert change.actor_name == f"rollout plan {plan.pk}"
    assert change.reason.startswith(f"Rolled back from on 5 %: {said}")
    event = PlanEvent.objects.last()
    assert (event.kind, event.step) == ("rolled_back", 1)
    assert said in event.reason
    assert event.measured["decisions"] >= 0
    assert at(10_000) == 0, "it goes no further by itself"


def test_a_first_step_that_breaks_goes_back_to_what_was_before(org):
    begun(org)
    count("drain:failed", 1_000)
    at(1)
    assert stands(org) == ("off", 40)


def test_stale_entries_roll_back(org):
    begun(org)
    client.call(("HSET", keys.key("sweep"), "stale", 3))
    at(1)
    assert "stale entries 3, at most 0" in PlanEvent.objects.last().reason


def test_a_step_that_breaks_when_it_has_baked_does_not_advance(org):
    begun(org)
    count("drain:failed", 1_000)
    at(60)
    assert stands(org) == ("off", 40)


def test_troubles_before_a_step_are_not_held_against_it(org):
    begun(org, rails=Guardrails(max_drain_failures=10))
    count("drain:failed", 9)
    at(60)
    count("drain:failed", 9)
    assert (at(180), stands(org)) == (1, ("on", 100))


def test_a_rollback_is_told_to_webhooks(org):
    webhooks.create(None, "https://example.com/hook", ["rollout.changed"], actor=ADA, reason="on call")
    begun(org)
    count("drain:failed", 1_000)
    at(1)
    told = [json.loads(body)["data"] for body in Delivery.objects.order_by("created_at").values_list("body", flat=True)]
    assert [each["after"]["mode"] for each in told] == ["shadow", "off"]
    assert told[1]["reason"].startswith("Rolled back from shadow 100 %")


@pytest.mark.usefixtures("no_redis")
def test_without_redis_nothing_is_judged_and_nothing_moves(org):
    with pytest.raises(PlanRefused, match="Redis does not answer"):
        begun(org)
    assert (at(100), RolloutPlan.objects.count(), stands(org)) == (0, 0, ("off", 40))


def test_flags_that_somebody_changed_pause_the_plan(org):
    plan = begun(org)
    rollout.set_rollout(org.id, actor=Actor("grace"), reason="wait", mode="off")
    assert (at(60), stands(org)) == (1, ("off", 100))
    plan.refresh_from_db()
    assert (plan.status, kinds(plan)) == ("paused", ["begun", "paused"])
    assert at(1_000) == 0
    plans.resume(plan.pk, actor=ADA, reason="on again", now=NOW + timedelta(seconds=1_000))
    assert stands(org) == ("shadow", 100)
    assert (at(1_059), at(1_060), stands(org)) == (0, 1, ("on", 5))


def test_a_paused_plan_stays_where_it_is(org):
    plan = begun(org)
    plans.pause(plan.pk, actor=ADA, reason="lunch")
    count("drain:failed", 1_000)
    assert (at(10_000), stands(org)) == (0, ("shadow", 100))


def test_an_aborted_plan_sets_back_what_was_before(org):
    plan = begun(org)
    at(60)
    plans.abort(plan.pk, actor=ADA, reason="not today")
    assert stands(org) == ("off", 40)
    assert kinds(plan)[-1] == "aborted"
    with pytest.raises(PlanRefused, match="aborted"):
        plans.resume(plan.pk, actor=ADA, reason="yes")


def refused(code, work) -> None:
    with pytest.raises(PlanRefused) as caught:
        work()
    assert caught.value.code == code


def test_one_plan_of_an_org_is_under_way(org):
    plan = begun(org)
    refused("plan_under_way", lambda: begun(org))
    assert FlagChange.objects.count() == 1
    plans.abort(plan.pk, actor=ADA, reason="again")
    assert begun(org).pk != plan.pk


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"steps": ()}, "steps_invalid"),
        ({"steps": (Step("on", 5, 60),) * 21}, "steps_invalid"),
        ({"steps": (Step("sideways", 5, 60),)}, "steps_invalid"),
        ({"steps": (Step("on", 101, 60),)}, "steps_invalid"),
        ({"steps": (Step("on", 5, 59),)}, "steps_invalid"),
        ({"rails": Guardrails(max_stale=-1)}, "guardrails_invalid"),
        ({"rails": Guardrails(max_fail_open_percent=float("nan"))}, "guardrails_invalid"),
        ({"reason": " "}, "reason_missing"),
    ],
)
def test_a_plan_that_can_not_be_is_refused_and_changes_nothing(org, given, code):
    refused(code, lambda: begun(org, **given))
    assert (RolloutPlan.objects.count(), FlagChange.objects.count()) == (0, 0)


def test_a_verb_needs_a_reason_and_a_plan(org):
    plan = begun(org)
    refused("reason_missing", lambda: plans.pause(plan.pk, actor=ADA, reason=""))
    refused("not_found", lambda: plans.pause(0, actor=ADA, reason="x"))
    refused("wrong_status", lambda: plans.resume(plan.pk, actor=ADA, reason="x"))


def test_the_default_plan_goes_from_shadow_to_all(org):
    plan = plans.begin(org.id, actor=ADA, reason="launch")
    assert [str(step) for step in plans.steps_of(plan)] == [
        "shadow 100 %",
        "on 1 %",
        "on 5 %",
        "on 25 %",
        "on 50 %",
        "on 100 %",
    ]


def test_a_pass_looks_at_a_batch_and_every_plan_has_its_turn(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "PLAN_BATCH": 2}
    orgs = [make_env(f"org-{number}", mode="off").org for number in range(5)]
    for each in orgs:
        begun(each)
    assert [at(60 + number) for number in range(3)] == [2, 2, 1]
    assert {stands(each) for each in orgs} == {("on", 5)}


@pytest.mark.django_db(transaction=True)
def test_what_another_pass_holds_is_left_to_it(org):
    plan = begun(org)
    moved = []

    def beside() -> None:
        try:
            with transaction.atomic():
                # What it looked at is noted first, and waits for nobody.
                moved.append(plans._look_at(plan.pk, guardrails.measure(), NOW + timedelta(seconds=60)))
        finally:
            connection.close()

    with transaction.atomic():
        RolloutPlan.objects.select_for_update().get(pk=plan.pk)
        other = threading.Thread(target=beside)
        other.start()
        other.join(30)
    assert (moved, stands(org)) == ([False], ("shadow", 100))
    assert (at(60), stands(org)) == (1, ("on", 5))


def test_a_plan_that_can_not_be_judged_holds_up_no_other(org):
    """A newer version may have begun it, with a baseline that this one can't read."""
    odd = begun(org)
    RolloutPlan.objects.filter(pk=odd.pk).update(baseline={"of_a_newer_version": 1})
    other = make_env("globex", "production", mode="off", percent=40).org
    begun(other)
    assert at(60) == 1
    assert (stands(org), stands(other)) == (("shadow", 100), ("on", 5))
