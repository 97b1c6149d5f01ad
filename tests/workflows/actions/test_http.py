"""The http action against a real server."""

import base64

import pytest
from django.db import connection
from uuid_utils.compat import uuid7

from tests import outside as servers
from tests.spans import traces
from workflows import secrets, tracing
from workflows.actions import http
from workflows.actions.running import ActionFailed
from workflows.secrets import Author
from workflows.steps import Fatal, Retryable

__all__ = ["traces"]
VALUE = "sk_live_0123456789"


@pytest.fixture(autouse=True)
def _secret(env):
    secrets.create(env.org_id, env.id, "KEY", VALUE, author=Author("ada"), reason="go live")


def test_a_request_goes_out_and_its_answer_is_the_result(outside, run) -> None:
    outside.answer = lambda handler: handler.say(201, {"id": 7}, X_Trace="abc", Set_Cookie="session=1")
    result = run("http", {"url": f"{outside.url}/orders", "method": "POST", "json": {"n": 1}, "query": {"dry": "1"}})
    (seen,) = outside.seen
    assert (seen.method, seen.path, seen.json) == ("POST", "/orders?dry=1", {"n": 1})
    assert seen.headers["content-type"] == "application/json"
    assert (result["status"], result["body"], result["headers"]["x-trace"]) == (201, {"id": 7}, "abc")
    assert "set-cookie" not in result["headers"]


def test_it_says_which_chain_asks_and_keeps_its_key_over_retries(outside, run, scope) -> None:
    for step in ("charge/1", "charge/1", "charge/2"):
        run("http", {"url": outside.url}, step=step)
    first, again, other = (seen.headers for seen in outside.seen)
    assert first["mollifier-root"] == first["mollifier-parent"] == scope["instance"]
    assert first["mollifier-depth"] == "0"
    assert first["idempotency-key"] == again["idempotency-key"] != other["idempotency-key"]


def test_it_names_the_span_it_is_sent_in_where_traces_are_on_and_nothing_where_they_are_off(
    outside, run, traces
) -> None:
    with tracing.span("step charge"):
        run("http", {"url": outside.url})
        run("http", {"url": outside.url, "headers": {"Traceparent": "00-mine"}})
    tracing.switch_off()
    run("http", {"url": outside.url})
    ours, mine, none = (seen.headers.get("traceparent") for seen in outside.seen)
    span = traces.one("step charge").context
    assert ours == f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
    assert (mine, none) == ("00-mine", None)


def test_a_key_that_the_definition_gives_goes_before_ours(outside, run) -> None:
    run("http", {"url": outside.url, "headers": {"Idempotency-Key": "mine", "Content-Type": "text/csv"}})
    assert outside.seen[0].headers["idempotency-key"] == "mine"
    assert outside.seen[0].headers["content-type"] == "text/csv"


def test_secrets_arrive_there_and_are_not_in_what_came_back(outside, run) -> None:
    def echo(handler):
        handler.say(200, {"headers": handler.headers_seen, "path": handler.path, "body": handler.seen.body.decode()})

    outside.answer = echo
    key = {"$secret": "KEY"}
    result = run(
        "http",
        {
            "url": outside.url,
            "method": "POST",
            "headers": {"Authorization": {**key, "prefix": "Bearer "}},
            "query": {"key": key},
            "json": {"key": key},
        },
    )
    (seen,) = outside.seen
    assert seen.headers["authorization"] == f"Bearer {VALUE}"
    assert (seen.path, seen.json) == (f"/?key={VALUE}", {"key": VALUE})
    assert result["body"]["headers"]["authorization"] == "Bearer [secret KEY]"
    assert VALUE not in str(result)


def test_an_answer_that_fails_shows_no_secret(outside, run) -> None:
    outside.answer = lambda handler: handler.say(403, f"bad key {VALUE}".encode())
    with pytest.raises(Fatal, match=r"answered 403: bad key \[secret KEY\]") as failed:
        run("http", {"url": outside.url, "headers": {"X-Key": {"$secret": "KEY"}}})
    assert failed.value.code == "http_status"


@pytest.mark.parametrize(
    ("status", "headers", "kind", "after"),
    [
        (429, {"Retry_After": "7"}, Retryable, 7),
        (503, {"Retry_After": "9"}, Retryable, 9),
        (429, {}, Retryable, None),
        (500, {"Retry_After": "9"}, Retryable, None),
        (502, {}, Retryable, None),
        (404, {}, Fatal, None),
        (304, {}, Fatal, None),
    ],
)
def test_a_status_decides_whether_it_is_tried_again(outside, run, status, headers, kind, after) -> None:
    outside.answer = lambda handler: handler.say(status, b"", **headers)
    with pytest.raises(kind) as failed:
        run("http", {"url": outside.url})
    assert getattr(failed.value, "after_seconds", None) == after


def test_only_the_expected_statuses_are_no_failure(outside, run) -> None:
    outside.answer = lambda handler: handler.say(404, b"none")
    assert run("http", {"url": outside.url, "expect": [200, 404]})["status"] == 404
    outside.answer = lambda handler: handler.say(201)
    with pytest.raises(Fatal):
        run("http", {"url": outside.url, "expect": [200, 404]})


def test_nobody_there_and_too_late_are_tried_again(outside, run) -> None:
    with servers.serve() as gone:
        pass
    with pytest.raises(ActionFailed) as failed:
        run("http", {"url": gone.url})
    assert failed.value.code == "outbound_failed"
    outside.answer = lambda handler: handler.connection.recv(1)
    with pytest.raises(ActionFailed) as late:
        run("http", {"url": outside.url, "timeout_seconds": 0.1})
    assert late.value.code == "outbound_timed_out"


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "http://[::1]/", "file:///etc/passwd", "nowhere"])
def test_what_the_guard_refuses_is_fatal(run, url) -> None:
    with pytest.raises(Fatal) as failed:
        run("http", {"url": url})
    assert failed.value.code == "outbound_refused"


def test_an_answer_that_is_too_large_is_fatal(outside, run, settings) -> None:
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_MAX_BYTES": 10}
    outside.answer = lambda handler: handler.say(200, b"x" * 11)
    with pytest.raises(Fatal) as failed:
        run("http", {"url": outside.url})
    assert failed.value.code == "response_too_large"


@pytest.mark.parametrize(
    ("content", "kind", "body"),
    [
        (b'{"a":1}', "application/problem+json; charset=utf-8", {"a": 1}),
        (b"not json", "application/json", "not json"),
        (b"[" * 100_000, "application/json", "[" * 100_000),
        ("ä".encode("latin-1"), "text/plain; charset=ISO-8859-1", "ä"),
        (b"", "text/plain", ""),
    ],
)
def test_a_body_is_json_or_text(outside, run, content, kind, body) -> None:
    outside.answer = lambda handler: handler.say(200, content, Content_Type=kind)
    assert run("http", {"url": outside.url})["body"] == body


def test_other_bytes_are_kept_as_base64(outside, run) -> None:
    outside.answer = lambda handler: handler.say(200, b"\x89PNG\xff")
    result = run("http", {"url": outside.url})
    assert (result["body"], base64.b64decode(result["body_base64"])) == (None, b"\x89PNG\xff")


def test_a_query_is_added_to_the_one_that_is_there() -> None:
    assert http.with_query("http://a/b?c=d#e", {"f": "g h"}) == "http://a/b?c=d&f=g+h#e"
    assert http.with_query("http://a/b", {}) == "http://a/b"


def test_nothing_of_a_secret_is_in_the_database_or_the_log(outside, run, env, caplog) -> None:
    caplog.set_level("DEBUG")
    with connection.cursor() as cursor:
        run("http", {"url": outside.url, "headers": {"X-Key": {"$secret": "KEY"}}})
        cursor.execute("SELECT string_agg(s::text, ' ') FROM workflows_secret s")
        assert VALUE not in cursor.fetchone()[0]
    assert VALUE not in caplog.text
    assert outside.seen[0].headers["x-key"] == VALUE


def test_an_instance_id_must_be_one(run) -> None:
    with pytest.raises(Fatal, match="scope"):
        run("http", {"url": "http://a"}, instance=f"{uuid7()}x")
