"""Rollout plans in the admin."""

from datetime import timedelta

import pytest
from django.utils import timezone

from mollifier import client, keys
from tests import people, tenants
from workflows.audit import Actor
from workflows.intake import plans
from workflows.models import OrganizationFlags, PlanEvent, RolloutPlan

pytestmark = pytest.mark.django_db
RAILS = {"max_drain_failures": "10", "max_dwell_p95_ms": "5000", "max_stale": "0", "max_fail_open_percent": "0.5"}
GIVEN = {"steps": "shadow 100 % 1 d\r\non 5% 90 min\r\non 100 % 60 s", "reason": "launch", **RAILS}


@pytest.fixture
def acme():
    return tenants.make_env("acme", mode="off")


def begin_at(environment) -> str:
    return f"/admin/workflows/rolloutplan/begin/{environment.org_id}/"


def page_at(plan) -> str:
    return f"/admin/workflows/rolloutplan/{plan.pk}/change/"


def test_a_plan_is_begun_from_the_page_of_the_org(acme) -> None:
    oscar = people.oscar()
    org = f"/admin/workflows/organization/{acme.org_id}/change/"
    assert begin_at(acme) in oscar.get(org).content.decode()
    shown = oscar.get(begin_at(acme)).content.decode()
    assert "shadow 100 % 1 d\non 1 % 1 h" in shown
    answer = oscar.post(begin_at(acme), GIVEN)
    plan = RolloutPlan.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, page_at(plan))
    assert [str(each) for each in plans.steps_of(plan)] == ["shadow 100 %", "on 5 %", "on 100 %"]
    assert [each["bake_seconds"] for each in plan.steps] == [86_400, 5_400, 60]
    assert (plan.actor_name, plan.max_fail_open_percent) == ("oscar", 0.5)
    assert OrganizationFlags.objects.get().mode == "shadow"
    assert page_at(plan) in oscar.get(org).content.decode()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"steps": "on five % 1 h"}, "Line 1: write it like"),
        ({"steps": "shadow 100 % 1 h\non 101 % 1 h"}, "Step 2: a mode, and 0 to 100 percent"),
        ({"steps": "on 5 % 1 s"}, "bakes 60 to"),
        ({"reason": ""}, "This field is required"),
        ({"max_stale": "-1"}, "greater than or equal to 0"),
    ],
)
def test_a_plan_that_can_not_be_is_said_beside_its_field(acme, changed, said) -> None:
    answer = people.oscar().post(begin_at(acme), GIVEN | changed)
    assert (answer.status_code, said in answer.content.decode()) == (422, True)
    assert not RolloutPlan.objects.exists()


def made(environment, **given) -> RolloutPlan:
    steps = (plans.Step("shadow", 100, 60), plans.Step("on", 5, 60))
    return plans.begin(environment.org_id, actor=Actor("ada"), reason="launch", steps=steps, **given)


def test_the_page_of_a_plan_shows_its_steps_guardrails_and_timeline(acme) -> None:
    plan = made(acme, now=timezone.now() - timedelta(seconds=61))
    plans.run()
    client.call(("HINCRBY", keys.key("counters"), "drain:failed", 1_000))
    plans.run()
    shown = people.vera().get(page_at(plan)).content.decode()
    assert "rolled back" in shown
    assert "drain failures 1000, at most 100" in shown
    assert "1,000 drain failures" in shown
    assert shown.count('<li class="mo-is-') == 3
    assert 'aria-current="step"' in shown
    assert "…</a>" not in shown.split("plan-title")[1].split("</h2>")[0]


def test_a_plan_is_paused_resumed_and_aborted_with_a_reason(acme) -> None:
    plan, oscar = made(acme), people.oscar()
    for verb, status in (("pause", "paused"), ("resume", "running"), ("abort", "aborted")):
        address = f"/admin/workflows/rolloutplan/{plan.pk}/{verb}/now/"
        assert address in oscar.get(page_at(plan)).content.decode()
        assert oscar.post(address, {}).status_code == 422
        assert oscar.post(address, {"reason": f"to {verb}"}).status_code == 302
        plan.refresh_from_db()
        assert plan.status == status
    assert OrganizationFlags.objects.get().mode == "off"
    assert PlanEvent.objects.last().actor_name == "oscar"
    refused = oscar.post(f"/admin/workflows/rolloutplan/{plan.pk}/pause/now/", {"reason": "late"})
    assert (refused.status_code, "The plan is aborted" in refused.content.decode()) == (422, True)


def test_who_may_only_look_sees_the_verbs_disabled_and_is_refused(acme) -> None:
    plan, vera = made(acme), people.vera()
    shown = vera.get(page_at(plan)).content.decode()
    assert "Needs the permission to change organization flags" in shown
    assert vera.post(f"/admin/workflows/rolloutplan/{plan.pk}/pause/now/", {"reason": "x"}).status_code == 403
    assert vera.post(begin_at(acme), GIVEN).status_code == 403
    assert vera.get("/admin/workflows/rolloutplan/").status_code == 200
    assert people.nora().get("/admin/workflows/rolloutplan/").status_code == 403


def test_nobody_writes_a_plan_by_hand(acme) -> None:
    plan, ada = made(acme), people.ada()
    assert ada.get("/admin/workflows/rolloutplan/add/").status_code == 403
    assert ada.post(page_at(plan), {"status": "finished"}).status_code == 403
    assert ada.post(f"/admin/workflows/rolloutplan/{plan.pk}/delete/").status_code == 403


def test_what_is_not_there_is_not_found(acme) -> None:
    oscar = people.oscar()
    assert oscar.get("/admin/workflows/rolloutplan/7/pause/now/").status_code == 404
    assert oscar.get(f"/admin/workflows/rolloutplan/{made(acme).pk}/finish/now/").status_code == 404
    assert oscar.get("/admin/workflows/rolloutplan/begin/01900000-0000-7000-8000-000000000000/").status_code == 404
