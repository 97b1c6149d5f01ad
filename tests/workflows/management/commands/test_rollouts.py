"""The rollouts command."""

import json

import pytest
from django.core.management import CommandError, call_command

from tests.tenants import make_env
from workflows.models import OrganizationFlags, RolloutPlan

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _org():
    make_env("acme", "production", mode="off")


def run(capsys, *arguments) -> str:
    call_command("rollouts", *arguments)
    return capsys.readouterr().out


def told(capsys, *arguments) -> dict:
    return json.loads(run(capsys, *arguments, "--json"))


def refused(*arguments) -> CommandError:
    with pytest.raises(CommandError) as caught:
        call_command("rollouts", *arguments)
    return caught.value


def test_a_plan_is_begun_steered_and_ended(capsys):
    steps = ("--step", "shadow 100% 1d", "--step", "on 5% 1h")
    begun = told(capsys, "begin", "acme", *steps, "--max-stale", "3", "--reason", "launch")
    assert [(each["mode"], each["bake_seconds"]) for each in begun["steps"]] == [("shadow", 86_400), ("on", 3_600)]
    assert (begun["guardrails"]["max_stale"], begun["guardrails"]["max_drain_failures"]) == (3, 100)
    assert OrganizationFlags.objects.get().mode == "shadow"
    id_ = str(begun["id"])
    assert told(capsys, "list")["plans"][0]["id"] == begun["id"]
    assert told(capsys, "pause", id_, "--reason", "a release")["status"] == "paused"
    assert told(capsys, "resume", id_, "--reason", "it is out")["status"] == "running"
    assert told(capsys, "abort", id_, "--reason", "not yet")["status"] == "aborted"
    assert OrganizationFlags.objects.get().mode == "off"
    assert told(capsys, "list") == {"plans": []}
    assert [each["id"] for each in told(capsys, "list", "--all", "--org", "acme")["plans"]] == [begun["id"]]
    kinds = [each["kind"] for each in told(capsys, "show", id_)["events"]]
    assert kinds == ["begun", "paused", "resumed", "aborted"]


def test_people_are_told_where_it_stands(capsys):
    shown = run(capsys, "begin", "acme", "--step", "shadow 100 % 60 s", "--reason", "launch")
    assert "acme  running  shadow 100 % (step 1 of 1)  launch" in shown
    assert "> shadow 100 % 1 min" in shown
    assert "begun  command: " in shown
    assert "acme  running" in run(capsys, "list")


def test_what_can_not_be_is_refused_with_the_reason(capsys):
    id_ = str(told(capsys, "begin", "acme", "--reason", "launch")["id"])
    for arguments, said in (
        (("begin", "acme", "--reason", "x"), "plan_under_way"),
        (("begin", "nobody", "--reason", "x"), "no org 'nobody'"),
        (("begin", "acme", "--step", "on 5", "--reason", "x"), "steps_invalid: Line 1: write it like"),
        (("begin", "acme", "--max-stale", "-1", "--reason", "x"), "guardrails_invalid: max_stale"),
        (("resume", id_, "--reason", "x"), "wrong_status"),
        (("pause", id_, "--reason", " "), "reason_missing"),
        (("abort", "999999", "--reason", "x"), "not_found"),
        (("show", "999999"), "no plan 999999"),
    ):
        error = refused(*arguments)
        assert error.returncode == 1
        assert said in str(error)
    assert RolloutPlan.objects.get().status == "running"
