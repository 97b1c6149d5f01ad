"""The bindings command."""

import json
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from tests.tenants import make_env
from workflows.models import AuditRecord, Binding, Instance

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def env():
    return make_env("acme", "production")


def told(capsys, *arguments) -> dict:
    call_command("bindings", *arguments, "--json")
    return json.loads(capsys.readouterr().out)


def make(capsys, *more) -> dict:
    return told(capsys, "create", "--event", "order.*", "--definition", "greet", *more)


def test_one_is_made_and_a_repeat_finds_it_as_operators_left_it(capsys, env):
    place = ("--org", "acme", "--env", "production")
    made = make(capsys, *place, "--condition", "payload.total > 100", "--limit", "7", "--loop-policy", "allow_all")
    assert (made["new"], made["enabled"], made["limit"], made["env_id"]) == (True, True, 7, str(env.id))
    off = told(capsys, "disable", made["id"], "--reason", "it loops")
    assert off["enabled"] is False
    again = make(capsys, *place, "--condition", "payload.total > 100")
    assert (again["new"], again["enabled"], again["id"], again["limit"]) == (False, False, made["id"], 7)
    assert told(capsys, "enable", made["id"])["enabled"] is True
    verbs = AuditRecord.objects.order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["make_binding", "disable_binding", "enable_binding"]
    assert AuditRecord.objects.first().target == "order.* -> greet"


def test_they_are_listed_for_everybody_or_for_one_org(capsys):
    make_env("other", "production")
    make(capsys)
    make(capsys, "--org", "acme")
    make(capsys, "--org", "other")
    assert len(told(capsys, "list")["bindings"]) == 3
    assert len(told(capsys, "list", "--org", "acme")["bindings"]) == 2
    call_command("bindings", "list")
    assert capsys.readouterr().out.count("order.* -> greet") == 3


def test_a_test_says_what_an_event_would_start_and_starts_nothing(capsys):
    made = make(capsys, "--condition", "payload.total > 100")
    make(capsys)
    place = ("--org", "acme", "--env", "production")
    found = told(capsys, "test", "order.created", "--payload", '{"total": 7}', *place)["matches"]
    assert [(each["starts"], each["reason"]) for each in found] == [
        (False, "its condition does not hold"),
        (True, None),
    ]
    assert found[0]["id"] == made["id"]
    assert told(capsys, "test", "shipment.sent", *place) == {"matches": []}
    call_command("bindings", "test", "shipment.sent", *place)
    assert "no binding matches" in capsys.readouterr().out
    assert Instance.objects.count() == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "--event", "*", "--definition", "greet"),
        ("create", "--event", "a", "--definition", "greet", "--condition", "open(1)"),
        ("create", "--event", "a", "--definition", "greet", "--limit", "1000001"),
        ("create", "--event", "a", "--definition", "greet", "--org", "nobody"),
        ("create", "--event", "a", "--definition", "greet", "--env", "production"),
        ("enable", str(uuid4())),
        ("test", "a b", "--org", "acme", "--env", "production"),
        ("test", "a", "--org", "acme", "--env", "production", "--payload", "{"),
    ],
)
def test_what_can_not_be_done_is_refused(arguments):
    with pytest.raises(CommandError) as caught:
        call_command("bindings", *arguments)
    assert caught.value.returncode == 1
    assert Binding.objects.count() == 0
