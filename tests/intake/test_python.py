"""The way in for Python code."""

import pytest

import workflows
from tests.tenants import make_env, seen
from workflows.intake import lookup
from workflows.intake.submission import Existing, Started

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


def test_what_is_not_json_is_refused():
    with pytest.raises(TypeError):
        workflows.submit("greet", object(), env=make_env())
