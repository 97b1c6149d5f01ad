"""Logs are JSON with the ids of the request at hand, and never show what a caller sent."""

import json
import logging

import pytest
import structlog

from workflows import sharding

SECRET = "very-secret-payload"


@pytest.fixture
def lines(monkeypatch):
    """Collect what the configured handler writes."""
    import io

    stream = io.StringIO()
    (handler,) = (each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_carries_its_event_level_and_time(lines):
    structlog.get_logger("workflows.test").warning("workflows.something_happened", instance_id="i-1")
    (line,) = lines()
    assert (line["event"], line["level"], line["instance_id"]) == ("workflows.something_happened", "warning", "i-1")
    assert line["logger"] == "workflows.test"
    assert line["timestamp"].endswith("Z")


def test_a_library_logs_in_the_same_form(lines):
    logging.getLogger("django_q").error("a %s", "word", extra={"task": "t-1"})
    (line,) = lines()
    assert (line["event"], line["level"], line["task"]) == ("a word", "error", "t-1")


def test_a_request_is_named_in_every_line_of_it(lines, smoothed, monkeypatch):
    monkeypatch.setattr(sharding, "shard_for", lambda key, shards: 1 // 0)
    response = smoothed.client.post(
        "/api/v1/triggers",
        json.dumps({"definition": "greet", "payload": SECRET, "metadata": {"note": SECRET}, "tags": [SECRET]}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {smoothed.key}", "X-Request-Id": "r-1"},
    )
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert SECRET not in response.content.decode()
    logged = lines()
    assert {line["request_id"] for line in logged} == {"r-1"}
    failed = next(line for line in logged if line["event"] == "api.request_failed")
    assert (failed["org"], failed["env"], failed["error"]) == ("acme", "production", "ZeroDivisionError")
    assert "ZeroDivisionError" in failed["exception"]
    assert SECRET not in json.dumps(logged)
    assert smoothed.key not in json.dumps(logged)


def test_a_request_that_is_answered_logs_nothing(lines, smoothed):
    for body in ({"payload": SECRET}, {"payload": SECRET}, {"tags": [7]}):
        smoothed.trigger(**body)
    assert lines() == []


def test_the_next_request_of_the_thread_starts_without_the_last_ones_ids(acme):
    acme.get("flags")
    acme.client.get("/healthz/live", headers={"X-Request-Id": "r-2"})
    assert structlog.contextvars.get_contextvars() == {"request_id": "r-2"}


def test_no_logger_of_django_has_handlers_of_its_own(settings):
    for name in ("django", "django.request", "django.server"):
        assert logging.getLogger(name).handlers == []
    assert settings.DJANGO_STRUCTLOG_IP_LOGGING_ENABLED is False
