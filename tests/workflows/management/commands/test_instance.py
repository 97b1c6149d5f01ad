"""The instance command."""

import json

import pytest
from django.core.management import CommandError, call_command
from uuid_utils.compat import uuid7

from tests.bound import bind, emitted
from tests.tenants import make_env, request, seen
from workflows.intake import ancestry, events, submission

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


def test_the_tree_of_an_instance_is_shown_with_what_started_it(capsys):
    env = make_env("trees", "production")
    bind("order.created", loop_policy="allow_all")
    root = submission.submit(request(env)).instance.id
    place = ancestry.find(seen(env), root)
    (outcome,) = events.submit_matching(emitted(env, parent=place))
    child = outcome.submission.instance.id
    call_command("instance", "show", str(child), "--json")
    shown = json.loads(capsys.readouterr().out)
    assert (shown["root_id"], shown["parent_id"], shown["depth"], shown["cause"]) == (
        str(root),
        str(root),
        1,
        str(root),
    )
    assert shown["event"] == {"type": "order.created", "key": "evt-1"}
    assert [(each["id"], each["depth"]) for each in shown["tree"]] == [(str(root), 0), (str(child), 1)]
    call_command("instance", "show", str(child))
    said = capsys.readouterr().out
    assert f"*   {child}  greet  pending" in said
    assert "from order.created evt-1" in said
