"""Actions of a declared definition, run by a real pump: secrets by name, large results, and a hostile payload."""

import pytest

from tests.declared import forgotten
from tests.waiting import until
from tests.workflows.declarative.documents import act, document
from tests.workflows.making import make_instance, output, row
from tests.workflows.pumping import running
from workflows import secrets
from workflows.intake import definitions
from workflows.intake.rollout import Actor
from workflows.models import Shard
from workflows.secrets import Author
from workflows.states import Status

__all__ = ["forgotten"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("forgotten")]
VALUE = "sk_live_0123456789"
NEVER = {"max_retries": 0}


@pytest.fixture(autouse=True)
def _ground(env):
    Shard.objects.get_or_create(index=0)
    secrets.create(env.org_id, env.id, "KEY", VALUE, author=Author("ada"), reason="go live")


def run(env, body, payload):
    definitions.save("flow", document=body, actor=Actor("ada"), reason="a test")
    instance = make_instance("flow", payload, org_id=env.org_id, env_id=env.id)
    with running():
        until(lambda: row(instance).finished_at is not None)
    return instance


def call(**arguments):
    given = {"method": "POST", "headers": {"X-Key": {"$secret": "KEY"}}, **arguments}
    return act("http", arguments={"url": "{{ payload.url }}", **given}, retry=NEVER)


def test_a_definition_names_a_secret_and_its_result_does_not_hold_it(env, outside) -> None:
    outside.answer = lambda handler: handler.say(200, {"key": handler.headers_seen["x-key"], "n": handler.seen.json})
    flow = document(("a", call(json={"n": "{{ payload.n }}"})))
    instance = run(env, flow, {"url": outside.url, "n": 5})
    assert outside.seen[0].headers["x-key"] == VALUE
    assert outside.seen[0].headers["mollifier-parent"] == str(instance)
    assert output(instance)["body"] == {"key": "[secret KEY]", "n": {"n": 5}}


def test_a_payload_that_names_a_secret_does_not_get_it_sent(env, outside) -> None:
    flow = document(("a", call(json="{{ payload.body }}")))
    instance = run(env, flow, {"url": outside.url, "body": {"text": {"$secret": "KEY"}}})
    assert (row(instance).status, row(instance).error_code) == (Status.FAILED, "secret_not_declared")
    assert outside.seen == []


def test_a_payload_that_names_a_private_address_does_not_get_it_asked(env) -> None:
    instance = run(env, document(("a", call())), {"url": "http://169.254.169.254/latest/meta-data/"})
    assert (row(instance).status, row(instance).error_code) == (Status.FAILED, "outbound_refused")


def test_a_large_result_goes_from_action_to_action_beside_the_log(env, outside) -> None:
    large = b"x" * 600_000
    outside.answer = lambda handler: handler.say(200, large) if handler.path == "/get" else handler.say(200)
    flow = document(
        ("a", act("http", "b", arguments={"url": "{{ payload.url }}/get"}, retry=NEVER)),
        ("b", call(json="{{ steps.a }}")),
    )
    instance = run(env, flow, {"url": outside.url})
    assert row(instance).status == Status.COMPLETED
    assert outside.seen[1].json["body"] == large.decode()
    assert row(instance).log_bytes < 10_000
