"""What may run, decided in memory, and the trigger that is made of it."""

import pytest

from tests.exchanges import traced
from tests.tenants import make_env, request
from workflows import conf, sharding, snapshot
from workflows.actions import registry as action_registry
from workflows.intake import definitions, preflight, refresher
from workflows.intake.outcome import Rejected, Unavailable
from workflows.intake.preflight import Ready
from workflows.intake.rollout import Actor
from workflows.models import Definition
from workflows.trigger import fingerprint


@pytest.mark.django_db
def test_a_request_becomes_a_trigger_and_an_arrival_in_memory():
    env = make_env("acme", "production", mode="on", limit=3)
    wanted = request(env, idempotency_key="k", payload=b"[1]", tags=("t",), metadata=b'{"m":1}', bufferable=False)
    with traced() as sent:
        ready = preflight.check(wanted)
    assert sent == []
    assert isinstance(ready, Ready)
    trigger, arrival = ready.trigger, ready.arrival
    assert (trigger.id, trigger.root_id, trigger.version) == (wanted.id, wanted.id, 1)
    assert (trigger.payload, trigger.tags, trigger.metadata) == (b"[1]", ("t",), b'{"m":1}')
    assert snapshot.decode(arrival.snapshot).id == wanted.id
    assert (arrival.scope.org, arrival.scope.env) == (str(env.org_id), str(env.id))
    assert (arrival.rollout.limits.env.count, arrival.bufferable) == (3, False)
    assert arrival.binding.fingerprint == fingerprint("greet", b"[1]")


@pytest.mark.django_db
def test_the_shard_is_the_ids_unless_the_definition_is_pinned():
    env = make_env()
    shards = conf.current().shards
    for _ in range(5):
        wanted = request(env)
        assert preflight.check(wanted).trigger.shard == sharding.shard_for(str(wanted.id), shards)
    Definition(slug="greet", shard_by="definition").save()
    refresher.refresh()
    assert preflight.check(request(env)).trigger.shard == sharding.shard_for("greet", shards)


@pytest.mark.django_db
def test_without_a_key_nothing_is_bound():
    assert preflight.check(request(make_env())).arrival.binding is None


@pytest.mark.django_db
def test_a_definition_must_be_known_and_active():
    env = make_env()
    assert preflight.check(request(env, "unheard-of")) == Rejected(
        "definition_not_found", "There is no definition 'unheard-of'."
    )
    Definition(slug="greet", active=False).save()
    refresher.refresh()
    assert preflight.check(request(env)).code == "definition_inactive"


@pytest.mark.django_db(transaction=True)
def test_without_a_directory_nothing_can_be_said(outage):
    env = make_env()
    wanted = request(env)
    refresher.forget()
    outage.begin()
    assert preflight.check(wanted) == Unavailable()


LETTERS = {"steps": {"start": {"type": "trigger", "next": {"success": "a"}}, "a": {"type": "action", "action": "echo"}}}


def declare(slug: str) -> None:
    definitions.save(slug, document=LETTERS, actor=Actor("ada"), reason="a test")


@pytest.mark.django_db
def test_a_declared_definition_is_pinned_to_its_latest_version_in_memory(actions):
    env = make_env()
    declare("letters")
    with traced() as sent:
        assert preflight.check(request(env, "letters")).trigger.version == 1
    assert sent == []
    changed = {**LETTERS, "title": "Letters"}
    definitions.save("letters", document=changed, actor=Actor("ada"), reason="a title")
    assert preflight.check(request(env, "letters")).trigger.version == 2


@pytest.mark.django_db
def test_a_definition_whose_action_is_disabled_or_gone_is_refused_with_the_reason(actions, monkeypatch):
    env = make_env()
    declare("letters")
    actions.switch("echo", "its provider is down")
    assert preflight.check(request(env, "letters")) == Rejected(
        "preflight",
        "The definition 'letters' can't run: the action 'echo' is disabled (its provider is down).",
    )
    actions.switch("echo", None)
    assert isinstance(preflight.check(request(env, "letters")), Ready)
    monkeypatch.setattr(action_registry, "names", frozenset)
    refused = preflight.check(request(env, "letters"))
    assert (refused.code, "there is no action 'echo' here" in refused.message) == ("preflight", True)


@pytest.mark.django_db
def test_a_slug_that_code_and_a_declared_definition_share_is_refused_until_one_is_renamed(actions, flow):
    env = make_env()
    declare("flow")

    @flow
    async def code(ctx, payload):
        return payload

    refused = preflight.check(request(env, "flow"))
    assert (refused.code, "rename one of the two" in refused.message) == ("preflight", True)
