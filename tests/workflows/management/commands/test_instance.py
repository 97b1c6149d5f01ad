"""The instance command."""

import json

import pytest
from django.core.management import CommandError, call_command
from uuid_utils.compat import uuid7

from tests.tenants import make_env, request
from workflows.intake import submission

pytestmark = pytest.mark.django_db


@pytest.fixture
def env():
    made = make_env("acme", "production", mode="on", limit=1, window_ms=60_000, hold_ms=60_000)
    make_env("other", "production")
    return made


def run(capsys, *arguments) -> str:
    call_command("instance", *(str(each) for each in arguments))
    return capsys.readouterr().out


def test_an_instance_is_shown_with_its_timeline(env, capsys):
    id_ = submission.submit(request(env, payload=b'{"a":1}')).instance.id
    shown = json.loads(run(capsys, "show", id_, "--json"))
    assert (shown["status"], shown["payload"], shown["org"]) == ("pending", {"a": 1}, "acme")
    assert [event["type"] for event in shown["events"]] == ["created"]
    assert "acme/production" in run(capsys, "show", id_)


def test_a_buffered_one_is_found_and_cancelled(env, capsys):
    submission.submit(request(env, bufferable=True))
    id_ = submission.submit(request(env)).instance.id
    assert "its turn" in run(capsys, "show", id_)
    assert json.loads(run(capsys, "cancel", id_, "--reason", "no", "--json"))["status"] == "cancelled"


def test_a_row_is_cancelled_once(env, capsys):
    id_ = submission.submit(request(env)).instance.id
    shown = json.loads(run(capsys, "cancel", id_, "--reason", "no", "--json"))
    assert (shown["status"], shown["error"]) == ("cancelled", {"code": "cancelled", "message": "no"})
    with pytest.raises(CommandError, match="already") as caught:
        run(capsys, "cancel", id_, "--reason", "again")
    assert caught.value.returncode == 1


def test_what_is_nowhere_is_refused(env, capsys):
    with pytest.raises(CommandError, match="no instance") as caught:
        run(capsys, "show", uuid7())
    assert caught.value.returncode == 1
