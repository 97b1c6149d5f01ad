"""The way in for Python code."""

import re
from datetime import datetime

import pytest

import workflows
from tests.tenants import make_env, seen
from workflows.intake import lookup
from workflows.intake.submission import Existing, Rejected, Started

pytestmark = pytest.mark.django_db


def test_python_code_submits_plain_values():
    env = make_env()
    outcome = workflows.submit(
        "greet", {"name": "Ada"}, env=env, idempotency_key="k", tags=["vip"], metadata={"from": "test"}
    )
    assert isinstance(outcome, Started)
    found = lookup.find(seen(env), outcome.instance.id)
    assert (found.payload, found.tags, found.metadata) == (b'{"name":"Ada"}', ("vip",), b'{"from":"test"}')
    assert (found.source, found.idempotency_key) == ("python", "k")
    assert isinstance(workflows.submit("greet", {"name": "Ada"}, env=env, idempotency_key="k"), Existing)


def test_what_is_too_large_is_refused_and_told_how_large_it_may_be(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "MAX_PAYLOAD_BYTES": 10}
    env = make_env()
    assert isinstance(workflows.submit("greet", "x" * 8, env=env), Started)
    message = "A payload may have 10 bytes (WORKFLOWS_MAX_PAYLOAD_BYTES); this one has 11."
    assert workflows.submit("greet", "x" * 9, env=env) == Rejected("payload_too_large", message)


def test_what_is_not_json_is_refused():
    with pytest.raises(TypeError):
        workflows.submit("greet", object(), env=make_env())


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("tags", ["a" * 65], "length <= 64 - at `$.tags"),
        ("tags", [f"{number}" for number in range(11)], "length <= 10 - at `$.tags"),
        ("tags", "vip", "such as ['vip']"),
        ("tags", ["a\0b"], "no NUL"),
        ("tags", ["\ud800"], "surrogates"),
        ("idempotency_key", "", "length >= 1 - at `$.idempotency_key"),
        ("idempotency_key", "k" * 256, "length <= 255 - at `$.idempotency_key"),
        ("run_after", datetime(2026, 1, 1), "timezone component - at `$.run_after"),  # noqa: DTZ001
        ("metadata", {"a": "x" * 65_536}, "may have 65536 bytes"),
        ("metadata", {1: 2}, "`str`"),
    ],
)
def test_what_no_table_can_hold_is_refused_at_once_with_its_name(field, value, said):
    env = make_env("acme", "production", mode="on", limit=1, window_ms=60_000, hold_ms=60_000)
    workflows.submit("greet", None, env=env)
    with pytest.raises((TypeError, ValueError), match=re.escape(said)):
        workflows.submit("greet", None, env=env, **{field: value})
