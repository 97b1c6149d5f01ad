"""Rollout plans over the API."""

import pytest

from tests.api.conftest import make_caller
from tests.nowhere import no_redis
from workflows.models import FlagChange, OrganizationFlags, RolloutPlan

__all__ = ["no_redis"]
pytestmark = pytest.mark.django_db
STEPS = [{"mode": "shadow", "percent": 100, "bake_seconds": 60}, {"mode": "on", "percent": 100, "bake_seconds": 60}]
PLAN = {"steps": STEPS, "reason": "launch"}


def test_one_begins_with_its_first_step_and_is_found_where_it_says(acme):
    answer = acme.post("rollout-plans", PLAN | {"guardrails": {"max_stale": 5}})
    assert answer.status_code == 201
    address = answer["Location"].removeprefix("/api/v1/")
    shown = acme.get(address).json()
    assert (shown["status"], shown["step"], shown["guardrails"]["max_stale"]) == ("running", 0, 5)
    assert [each["kind"] for each in shown["events"]] == ["begun"]
    assert OrganizationFlags.objects.get().mode == "shadow"
    assert FlagChange.objects.first().actor_name.startswith("api key")
    assert acme.get("flags").json()["mode"] == "shadow"


def test_without_steps_it_has_those_of_its_page(acme):
    shown = acme.post("rollout-plans", {"reason": "launch"}).json()
    assert [(each["mode"], each["percent"]) for each in shown["steps"]][:2] == [("shadow", 100), ("on", 1)]


def test_a_verb_at_the_wrong_time_is_a_conflict_and_nothing_changes(acme):
    made = acme.post("rollout-plans", PLAN).json()["id"]
    again = acme.post("rollout-plans", PLAN)
    assert (again.status_code, again.json()["code"]) == (409, "plan_under_way")
    late = acme.post(f"rollout-plans/{made}/resume", {"reason": "x"})
    assert (late.status_code, late.json()["code"]) == (409, "wrong_status")
    assert acme.post(f"rollout-plans/{made}/abort", {"reason": "x"}).json()["status"] == "aborted"
    assert OrganizationFlags.objects.get().mode == "off"


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"steps": []}, "invalid_field", "/steps"),
        ({"steps": [STEPS[0] | {"percent": 101}]}, "invalid_field", "/steps/0/percent"),
        ({"steps": [STEPS[0] | {"bake_seconds": 59}]}, "invalid_field", "/steps/0/bake_seconds"),
        ({"guardrails": {"max_stale": -1}}, "invalid_field", "/guardrails/max_stale"),
        ({"reason": ""}, "invalid_field", "/reason"),
        ({"why": "x"}, "unknown_field", "/why"),
    ],
)
def test_what_is_at_fault_is_pointed_at(acme, body, code, pointer):
    answer = acme.post("rollout-plans", PLAN | body)
    assert (answer.status_code, answer.json()["code"], answer.json()["pointer"]) == (400, code, pointer)
    assert not RolloutPlan.objects.exists()


def test_another_orgs_plan_is_not_there_and_each_verb_needs_its_scope(acme):
    made = acme.post("rollout-plans", PLAN).json()["id"]
    other = make_caller("other")
    assert other.get("rollout-plans").json()["data"] == []
    for id_ in (made, 2**63):
        assert other.get(f"rollout-plans/{id_}").status_code == 404
        assert other.post(f"rollout-plans/{id_}/abort", {"reason": "x"}).status_code == 404
    reader = make_caller("reading", scopes=["buffer:manage"])
    assert reader.get("rollout-plans").status_code == 200
    assert reader.post("rollout-plans", PLAN).status_code == 403


def test_the_list_is_read_in_pages(acme):
    made = []
    for _ in range(3):
        made.append(acme.post("rollout-plans", PLAN).json()["id"])
        acme.post(f"rollout-plans/{made[-1]}/abort", {"reason": "x"})
    page = acme.get("rollout-plans?limit=2").json()
    assert ([each["id"] for each in page["data"]], page["data"][0]["events"]) == (made[:0:-1], None)
    rest = acme.get(f"rollout-plans?limit=2&cursor={page['next_cursor']}").json()
    assert ([each["id"] for each in rest["data"]], rest["next_cursor"]) == (made[:1], None)


@pytest.mark.usefixtures("no_redis")
def test_without_redis_none_begins(acme):
    answer = acme.post("rollout-plans", PLAN)
    assert (answer.status_code, answer.json()["code"]) == (503, "buffer_unavailable")
    assert not RolloutPlan.objects.exists()
