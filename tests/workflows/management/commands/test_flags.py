"""The flags command."""

import json

import pytest
from django.core.management import CommandError, call_command

from tests.tenants import make_env
from workflows.models import FlagChange

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _org():
    make_env("acme", "production")


def run(capsys, *arguments) -> str:
    call_command("flags", *arguments)
    return capsys.readouterr().out


def told(capsys, *arguments) -> dict:
    return json.loads(run(capsys, *arguments, "--json"))


def test_an_org_without_flags_is_off(capsys):
    shown = told(capsys, "show", "acme")
    assert (shown["mode"], shown["percent"], shown["limit"], shown["version"]) == ("off", 100, None, 0)
    assert told(capsys, "list") == {"orgs": []}


def test_a_mode_is_set_with_what_is_given_and_keeps_the_rest(capsys):
    arguments = (
        "--percent",
        "50",
        "--limit",
        "7",
        "--window-ms",
        "100",
        "--hold-ms",
        "0",
        "--weight",
        "2.5",
        "--pause",
    )
    told(capsys, "set", "acme", "on", *arguments, "--reason", "enrol")
    shown = told(capsys, "set", "acme", "shadow", "--limit", "default", "--reason", "look first")
    assert shown.pop("version") > 0
    assert shown == {
        "org": "acme",
        "mode": "shadow",
        "percent": 50,
        "limit": None,
        "window_ms": 100,
        "hold_ms": 0,
        "org_limit": None,
        "org_window_ms": None,
        "weight": 2.5,
        "paused": True,
    }
    assert told(capsys, "list")["orgs"][0]["mode"] == "shadow"
    assert run(capsys, "list").split()[:2] == ["acme", "shadow"]


def test_the_history_says_who_and_why_newest_first(capsys):
    told(capsys, "set", "acme", "on", "--reason", "enrol")
    told(capsys, "undo", "acme", "--reason", "not yet")
    changes = told(capsys, "history", "acme")["changes"]
    assert [change["reason"] for change in changes] == ["not yet", "enrol"]
    assert changes[0]["actor"].startswith("command: ")
    assert [change["after"]["mode"] for change in changes] == ["off", "on"]
    assert "on -> off" in run(capsys, "history", "acme")


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "nobody"),
        ("undo", "acme", "--reason", "nothing to undo"),
        ("set", "acme", "on", "--percent", "101", "--reason", "why"),
        ("set", "acme", "on", "--reason", " "),
    ],
)
def test_what_can_not_be_done_is_refused(capsys, arguments):
    with pytest.raises(CommandError) as caught:
        run(capsys, *arguments)
    assert caught.value.returncode == 1
    assert FlagChange.objects.count() == 0


def test_a_limit_is_a_number_or_the_default(capsys):
    with pytest.raises(CommandError, match="neither a whole number"):
        run(capsys, "set", "acme", "on", "--limit", "many", "--reason", "why")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--weight", "nan", "weight: Enter"), ("--percent", "101", "percent: Ensure"), ("--limit", "0", "limit: ")],
)
def test_a_value_that_can_not_be_is_refused_with_its_name(option, value, said):
    with pytest.raises(CommandError, match=f"values_invalid: {said}") as caught:
        call_command("flags", "set", "acme", "on", option, value, "--reason", "x")
    assert caught.value.returncode == 1
    assert not FlagChange.objects.exists()
