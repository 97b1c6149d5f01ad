"""Declarative definitions with the real actions, secrets and blobs, over real sockets and a real pump."""

import pytest

from tests import outside as servers
from tests import tenants
from tests.waiting import until
from tests.workflows.declarative.documents import document, each
from tests.workflows.making import data_of, output, row
from tests.workflows.pumping import running
from workflows import engine, secrets
from workflows.actions import switches
from workflows.intake import definitions, preflight, refresher
from workflows.intake.rollout import Actor
from workflows.models import Event, Shard
from workflows.secrets import Author
from workflows.states import EventType

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("forgotten")]
VALUE = "sk_live_0123456789"


@pytest.fixture
def outside(monkeypatch, settings, tmp_path):
    monkeypatch.setattr(switches, "_known", switches._Known())
    settings.MEDIA_ROOT = tmp_path
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": "127.0.0.1:*"}
    Shard.objects.get_or_create(index=0)
    with servers.serve() as server:
        yield server


@pytest.fixture
def env():
    made = tenants.make_env()
    secrets.create(made.org_id, made.id, "KEY", VALUE, author=Author("ada"), reason="go live")
    return made


def http(url, to="noop", **arguments):
    return {"type": "action", "action": "http", "arguments": {"url": url, **arguments}, "next": {"success": to}}


def run(env, body, payload=b"null"):
    version = definitions.save("orders", document=body, actor=Actor("ada"), reason="a test").version
    trigger = tenants.trigger(env, definition="orders", version=version, payload=payload)
    engine.start(trigger)
    with running():
        until(lambda: row(trigger.id).finished_at is not None)
    return trigger.id


def test_a_loop_of_requests_with_a_secret_answers_and_keeps_the_secret_to_itself(outside, env):
    outside.answer = lambda handler: handler.say(200, {"price": 5, "you": handler.headers["Authorization"]})
    bearer = {"Authorization": {"$secret": "KEY", "prefix": "Bearer "}}
    flow = document(
        ("l", each("payload.items", "ask", parallelism=2)),
        ("ask", http(f"{outside.url}/prices/{{{{ loop.item }}}}", "l", headers=bearer)),
        output="{{ sum([x.body.price for x in steps.l.results]) }}",
    )
    instance = run(env, flow, b'{"items": ["a", "b", "c"]}')
    assert output(instance) == 15
    assert sorted(seen.path for seen in outside.seen) == ["/prices/a", "/prices/b", "/prices/c"]
    assert {seen.headers["authorization"] for seen in outside.seen} == {f"Bearer {VALUE}"}
    assert len({seen.headers["idempotency-key"] for seen in outside.seen}) == 3
    assert VALUE not in str(list(Event.objects.filter(instance_id=instance).values_list("data", flat=True)))


def test_a_secret_that_a_payload_names_is_not_resolved(outside, env):
    flow = document(("ask", http(outside.url, method="POST", json="{{ payload }}")))
    instance = run(env, flow, b'{"$secret": "KEY"}')
    assert (row(instance).error_code, outside.seen) == ("secret_not_declared", [])
    assert row(instance).error_message.startswith("step 'ask': ")


def test_a_large_answer_is_a_blob_that_the_next_step_hands_on_whole(outside, env):
    large = {"rows": ["x" * 1_000] * 500}
    outside.answer = lambda handler: handler.say(200, large if handler.command == "GET" else {"ok": True})
    flow = document(
        ("get", http(outside.url, "put")),
        ("put", http(outside.url, method="POST", json="{{ steps.get }}")),
        output="{{ steps.put.body.ok }}",
    )
    instance = run(env, flow)
    assert output(instance) is True
    assert outside.seen[1].json["body"] == large
    kept, _ = data_of(instance, EventType.STEP_COMPLETED)
    assert set(kept["result"]) == {"$blob", "size"}


def test_a_model_answers_a_step(outside, env):
    message = {"role": "assistant", "content": "Hello Ada"}
    said = {"id": "c", "model": "small-1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    outside.answer = lambda handler: handler.say(200, said)
    model = {"type": "llm", "model": "small-1", "endpoint": f"{outside.url}/v1", "api_key": {"$secret": "KEY"}}
    flow = document(
        ("greet", {**model, "prompt": "Greet {{ payload }}", "options": {"temperature": 0}}),
        output="{{ steps.greet }}",
    )
    instance = run(env, flow, b'"Ada"')
    assert "Hello Ada" in str(output(instance))
    (seen,) = outside.seen
    assert seen.json["messages"] == [{"role": "user", "content": "Greet Ada"}]
    assert seen.json["temperature"] == 0


def test_an_action_that_is_switched_off_refuses_triggers_and_on_again_takes_them(outside, env):
    definitions.save("orders", document=document(("ask", http(outside.url))), actor=Actor("ada"), reason="a test")
    switches.switch("http", off=True, reason="its provider is down", actor_name="ada")
    refresher.refresh()
    refused = preflight.check(tenants.request(env, "orders"))
    assert (refused.code, "its provider is down" in refused.message) == ("preflight", True)
    switches.switch("http", off=False, reason="up again", actor_name="ada")
    refresher.refresh()
    assert isinstance(preflight.check(tenants.request(env, "orders")), preflight.Ready)
