"""An action run by a real pump: tried again, recorded once, and no secret in any row."""

from dataclasses import replace

import pytest
from django.db import connection

from tests.waiting import until
from tests.workflows.making import data_of, make_instance, output, row, types_of
from tests.workflows.pumping import running
from workflows import secrets
from workflows.actions.running import run_action
from workflows.secrets import Author
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)
VALUE = "sk_live_0123456789"
SOON = {"backoff_seconds": 0.01}


@pytest.fixture
def calls(flow, env):
    """Register a workflow of one http request with a secret; its payload is the address."""
    secrets.create(env.org_id, env.id, "KEY", VALUE, author=Author("ada"), reason="go live")
    once = replace(run_action, name="call", retries=2, timeout_seconds=20, **SOON)

    @flow
    async def call(ctx, url):
        scope = {
            "org": str(env.org_id),
            "env": str(env.id),
            "instance": str(ctx.instance_id),
            "step": "call",
            "secrets": ["/headers/X-Key"],
        }
        arguments = {"url": url, "headers": {"X-Key": {"$secret": "KEY"}}, "timeout_seconds": 10}
        return await ctx.step(once, "http", arguments, scope)


def run(url):
    instance = make_instance("flow", url)
    with running():
        until(lambda: row(instance).finished_at is not None)
    return instance


def stored() -> str:
    """Return every row of every table of the service as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        texts = []
        for table in tables:
            cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" t')
            texts.append(cursor.fetchone()[0] or "")
    return "".join(texts)


def test_a_request_that_is_refused_for_a_while_is_tried_again_and_recorded_once(calls, outside, capfd) -> None:
    def busy_once(handler):
        if len(outside.seen) == 1:
            return handler.say(503, f"not now, {VALUE}".encode(), Retry_After="0")
        return handler.say(200, {"echo": handler.headers_seen["x-key"]})

    outside.answer = busy_once
    instance = run(outside.url)
    assert output(instance)["body"] == {"echo": "[secret KEY]"}
    assert types_of(instance) == ["created", "started", "step_retrying", "step_completed", "completed"]
    assert [seen.headers["x-key"] for seen in outside.seen] == [VALUE, VALUE]
    assert len({seen.headers["idempotency-key"] for seen in outside.seen}) == 1
    assert "[secret KEY]" in str(data_of(instance, "step_retrying"))
    assert VALUE not in stored()
    assert VALUE not in "".join(capfd.readouterr())


def test_one_that_can_not_succeed_fails_at_once_and_says_why(calls, outside, capfd) -> None:
    outside.answer = lambda handler: handler.say(403, f"bad key {VALUE}".encode())
    instance = run(outside.url)
    assert len(outside.seen) == 1
    assert (row(instance).status, row(instance).error_code) == (Status.FAILED, "http_status")
    assert row(instance).error_message == "answered 403: bad key [secret KEY]"
    assert VALUE not in stored()
    assert VALUE not in "".join(capfd.readouterr())
