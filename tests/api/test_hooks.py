"""Hooks over HTTP: told with the instance, resumed by their token alone."""

import pytest
from django.test import Client
from uuid_utils.compat import uuid7

from tests.api.test_examples import agree
from tests.workflows import pumping
from tests.workflows.making import output
from workflows import registry
from workflows.api import examples
from workflows.models import Hook, Instance, Shard

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _approvals(own_workflows, settings):
    """Register a workflow that awaits two payloads, in one lane."""
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SHARDS": 1}

    @registry.workflow("approvals")
    async def approvals(ctx, _payload):
        async with ctx.hook("approval") as hook:
            return [await hook, await hook]


@pytest.fixture
def waiting(acme, transactional_db):
    """Return an instance that waits at its hook, as the API shows it."""
    Shard.objects.get_or_create(index=0)
    made = acme.trigger("approvals").json()
    assert made["hooks"] == []
    pumping.run_until_idle()
    return acme.get(f"instances/{made['id']}").json()


def resume(url: str, body, client: Client | None = None):
    return (client or Client()).post(url, body, content_type="application/json")


def test_a_hook_is_told_with_its_instance_and_resumed_without_a_key(acme, waiting):
    (hook,) = waiting["hooks"]
    assert (hook["name"], hook["url"]) == ("approval", f"/api/v1/hooks/{hook['token']}")
    assert acme.get("instances").json()["data"][0]["hooks"] == []
    (body, other) = examples.BODIES["resume_hook"].values()
    answer = resume(hook["url"], body)
    (shown,) = examples.ANSWERS["resume_hook", 202].values()
    assert answer.status_code == 202
    agree(shown | {"instance_id": waiting["id"], "seq": answer.json()["seq"]}, answer.json())
    assert resume(hook["url"], other).status_code == 202
    pumping.run_until_idle()
    assert output(waiting["id"]) == [{"approved": True}, None]
    assert acme.get(f"instances/{waiting['id']}").json()["hooks"] == []


def test_the_same_resume_is_answered_alike_and_handed_over_once(waiting):
    url = waiting["hooks"][0]["url"]
    first = resume(url, {"payload": 1, "resume_id": "a"})
    assert resume(url, {"payload": 1, "resume_id": "a"}).json() == first.json()
    mismatch = resume(url, {"payload": 2, "resume_id": "a"})
    assert (mismatch.status_code, mismatch.json()["code"]) == (422, "resume_mismatch")
    assert Instance.objects.get().last_seq == first.json()["seq"]


def test_an_unknown_or_disposed_hook_is_not_there(waiting):
    assert resume("/api/v1/hooks/nothing", {"payload": 1}).status_code == 404
    assert resume("/api/v1/hooks/" + "x" * 300, {"payload": 1}).status_code == 404
    assert resume("/api/v1/hooks/%00", {"payload": 1}).status_code == 404
    Hook.objects.update(disposed_at=Instance.objects.get().created_at)
    assert resume(waiting["hooks"][0]["url"], {"payload": 1}).status_code == 404


def test_a_finished_instance_is_gone(acme, waiting):
    acme.post(f"instances/{waiting['id']}/cancel")
    gone = resume(waiting["hooks"][0]["url"], {"payload": 1})
    assert (gone.status_code, gone.json()["code"], gone.json()["state"]) == (410, "already_finished", "cancelled")


def test_too_much_unread_is_refused_for_now(waiting, settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "MAX_UNREAD": 2}
    url = waiting["hooks"][0]["url"]
    assert [resume(url, {"payload": n}).status_code for n in range(3)] == [202, 202, 429]
    refused = resume(url, {"payload": 1})
    assert (refused["Retry-After"], refused.json()["code"]) == ("1", "too_many_unread")


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 400, "/payload"),
        ({"payload": 1, "resume_id": ""}, 400, "/resume_id"),
        ({"payload": 1, "as_of": "now"}, 400, "/as_of"),
        ({"payload": "\0"}, 400, "/payload"),
        ({"payload": "x" * 530_000}, 413, "/payload"),
    ],
)
def test_a_body_that_can_not_be_is_refused_at_its_fault(waiting, body, status, pointer):
    refused = resume(waiting["hooks"][0]["url"], body)
    assert (refused.status_code, refused.json()["pointer"]) == (status, pointer)


def test_only_a_post_resumes():
    assert Client().get(f"/api/v1/hooks/{uuid7()}").status_code == 405
