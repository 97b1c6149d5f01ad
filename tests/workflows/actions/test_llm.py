"""The llm action against a server that speaks OpenAI's protocol."""

import threading

import pytest

from workflows import secrets
from workflows.actions import llm
from workflows.actions.running import ActionFailed
from workflows.secrets import Author
from workflows.steps import Fatal, Retryable

VALUE = "sk-proj-0123456789"
KEY = {"$secret": "OPENAI_KEY"}


@pytest.fixture(autouse=True)
def _secret(env):
    secrets.create(env.org_id, env.id, "OPENAI_KEY", VALUE, author=Author("ada"), reason="go live")


@pytest.fixture
def asked(outside):
    """Return the arguments of an ordinary call of this server."""
    return {"endpoint": f"{outside.url}/v1", "model": "small-1", "prompt": "Say hello", "api_key": KEY}


def completion(text="Hello", finish_reason="stop", **message):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "small-1-0613",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish_reason}
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "details": {"cached": 0}},
    }


def says(outside, *args, **message):
    outside.answer = lambda handler: handler.say(200, completion(*args, **message))


def test_a_model_is_asked_and_its_usage_is_told(outside, run, asked) -> None:
    says(outside)
    result = run("llm", {**asked, "system": "Be brief", "temperature": 0.2, "max_tokens": 50})
    (seen,) = outside.seen
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
    assert seen.headers["authorization"] == f"Bearer {VALUE}"
    assert seen.headers["idempotency-key"]
    assert "mollifier-root" not in seen.headers
    assert seen.json == {
        "model": "small-1",
        "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Say hello"}],
        "stream": False,
        "temperature": 0.2,
        "max_tokens": 50,
    }
    assert result == {
        "text": "Hello",
        "model": "small-1-0613",
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
    }


def test_messages_go_as_they_are_and_no_tools_with_them(outside, run, asked) -> None:
    says(outside)
    messages = [{"role": "system", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "b"}]}]
    run("llm", {**asked, "prompt": None, "messages": messages})
    assert outside.seen[0].json["messages"] == messages
    assert not {"tools", "functions", "tool_choice"} & outside.seen[0].json.keys()


def test_json_is_asked_for_and_parsed(outside, run, asked) -> None:
    says(outside, '{"mood":"good"}')
    assert run("llm", {**asked, "response_format": "json"})["json"] == {"mood": "good"}
    schema = {"type": "object", "properties": {"mood": {"type": "string"}}}
    run("llm", {**asked, "response_format": "json", "json_schema": schema})
    formats = [seen.json["response_format"] for seen in outside.seen]
    assert formats[0] == {"type": "json_object"}
    assert formats[1]["json_schema"]["schema"] == schema


@pytest.mark.parametrize(
    ("text", "finish_reason", "kind", "code"),
    [
        ("good", "stop", Retryable, "llm_not_json"),
        ('{"mood":', "length", Fatal, "llm_cut_off"),
    ],
)
def test_what_should_be_json_and_is_not(outside, run, asked, text, finish_reason, kind, code) -> None:
    says(outside, text, finish_reason)
    with pytest.raises(kind) as failed:
        run("llm", {**asked, "response_format": "json"})
    assert failed.value.code == code


@pytest.mark.parametrize(
    "message", [{"tool_calls": [{"id": "1"}]}, {"content": None, "refusal": "I won't"}, {"content": None}]
)
def test_an_answer_without_text_is_fatal(outside, run, asked, message) -> None:
    outside.answer = lambda handler: handler.say(
        200, {"choices": [{"message": {"role": "assistant", "content": "x", **message}}]}
    )
    with pytest.raises(Fatal) as failed:
        run("llm", asked)
    assert failed.value.code == "llm_no_text"


@pytest.mark.parametrize(
    ("status", "headers", "kind", "after"),
    [
        (429, {"Retry_After": "20"}, Retryable, 20),
        (503, {}, Retryable, None),
        (500, {}, Retryable, None),
        (401, {}, Fatal, None),
        (400, {}, Fatal, None),
    ],
)
def test_errors_are_told_in_the_endpoints_words(outside, run, asked, status, headers, kind, after) -> None:
    error = {"error": {"message": f"Incorrect key {VALUE}", "type": "x", "code": "y"}}
    outside.answer = lambda handler: handler.say(status, error, **headers)
    with pytest.raises(kind, match=r"Incorrect key \[secret OPENAI_KEY\]") as failed:
        run("llm", asked)
    assert getattr(failed.value, "after_seconds", None) == after


@pytest.mark.parametrize("body", [b"<html>busy</html>", b'{"error":"busy"}', b'{"error":{}}', b"[]"])
def test_errors_in_other_shapes_are_told_too(outside, run, asked, body) -> None:
    outside.answer = lambda handler: handler.say(500, body)
    with pytest.raises(Retryable, match="answered 500"):
        run("llm", asked)


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"{}", b'{"choices":[]}', b'{"choices":[{}]}', b"\xff"])
def test_what_is_no_completion_is_tried_again(outside, run, asked, body) -> None:
    outside.answer = lambda handler: handler.say(200, body)
    with pytest.raises(Retryable) as failed:
        run("llm", asked)
    assert failed.value.code == "llm_invalid"


def test_a_slow_model_is_left_at_its_time_out(outside, run, asked) -> None:
    ended = threading.Event()
    outside.answer = lambda handler: ended.wait(30)
    with pytest.raises(ActionFailed) as failed:
        run("llm", {**asked, "timeout_seconds": 0.2})
    ended.set()
    assert failed.value.code == "outbound_timed_out"


def test_the_guard_holds_for_endpoints_and_a_redirect_is_not_followed(outside, run, asked) -> None:
    with pytest.raises(Fatal) as failed:
        run("llm", {**asked, "endpoint": "http://10.0.0.1/v1"})
    assert failed.value.code == "outbound_refused"
    outside.answer = lambda handler: handler.say(307, Location=f"{outside.url}/elsewhere")
    with pytest.raises(Fatal, match="307"):
        run("llm", asked)
    assert len(outside.seen) == 1


def test_a_model_that_says_the_key_does_not_get_it_into_the_log(outside, run, asked) -> None:
    says(outside, f"The key is {VALUE}")
    assert run("llm", asked)["text"] == "The key is [secret OPENAI_KEY]"


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("https://a.example", "https://a.example/v1/chat/completions"),
        ("https://a.example/v1/", "https://a.example/v1/chat/completions"),
        ("https://a.example/openai/v2", "https://a.example/openai/v2/chat/completions"),
        ("https://a.example/v1/chat/completions", "https://a.example/v1/chat/completions"),
        ("https://a.example/v1?api-version=2", "https://a.example/v1/chat/completions?api-version=2"),
    ],
)
def test_an_endpoint_is_named_by_its_base(endpoint, address) -> None:
    assert llm.address(endpoint) == address


def test_an_endpoint_without_a_key_is_asked_without_one(outside, run, asked) -> None:
    says(outside)
    run("llm", {name: value for name, value in asked.items() if name != "api_key"})
    assert "authorization" not in outside.seen[0].headers
