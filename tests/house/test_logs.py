"""What is logged has a fixed name, ids in fields, and never what a tenant sent."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("mollifier", "workflows", "dashboard", "demo")
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
EVENT = re.compile(r"(mollifier|workflows|api|dashboard|demo)\.[a-z]+(_[a-z]+)*")
# What tenants send or receive, and what opens doors.
SENT = {
    "answer", "args", "arguments", "attributes", "body", "content", "data", "headers", "input", "kwargs", "metadata",
    "output", "password", "patch", "payload", "payloads", "request", "response", "result", "results", "row", "rows",
    "snapshot", "tags", "text", "token", "trigger", "value", "values",
}  # fmt: skip
# What has an id.
THINGS = {
    "audit", "binding", "bulk_action", "delivery", "entry", "hook", "id", "instance", "plan", "record", "schedule",
    "storm", "webhook",
}  # fmt: skip
NOT_FIELDS = {"exc_info", "stack_info", "stacklevel", "extra"}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Return every call of a logger, with where it stands."""
    for path in sorted(each for app in APPS for each in (ROOT / app).rglob("*.py") if "migrations" not in each.parts):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and is_log(node.func):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def is_log(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in METHODS
        and isinstance(function.value, ast.Name)
        and function.value.id in {"log", "logger"}
    )


CALLS = list(calls())
each_call = pytest.mark.parametrize(("place", "call"), CALLS, ids=[place for place, _ in CALLS])


def fields(call: ast.Call) -> dict[str, ast.expr]:
    """Return the fields that a call names, in keywords or in the dict of `extra`."""
    found = {each.arg: each.value for each in call.keywords if each.arg is not None and each.arg not in NOT_FIELDS}
    for each in call.keywords:
        if each.arg == "extra" and isinstance(each.value, ast.Dict):
            found |= {
                key.value: value
                for key, value in zip(each.value.keys, each.value.values, strict=True)
                if isinstance(key, ast.Constant)
            }
    return found


def test_loggers_are_found():
    assert len(CALLS) > 50


@each_call
def test_an_event_has_a_fixed_name(place, call):
    assert len(call.args) == 1, "what varies goes into fields"
    (event,) = call.args
    assert isinstance(event, ast.Constant), "a name that is put together can't be searched for"
    assert EVENT.fullmatch(event.value), "app.what_happened"


@each_call
def test_no_field_is_what_a_tenant_sent(place, call):
    assert set(fields(call)) & SENT == set()


@each_call
def test_no_value_is_a_whole_payload_under_another_name(place, call):
    read = {node.attr for value in fields(call).values() for node in ast.walk(value) if isinstance(node, ast.Attribute)}
    assert read & {"payload", "snapshot", "metadata", "output", "body", "headers", "tags", "result"} == set()


@each_call
def test_an_id_is_named_as_one(place, call):
    """One search then finds all that was logged of a thing. `org` and `env` alone are slugs."""
    assert set(fields(call)) & THINGS == set(), "what it is of, then _id"


def test_a_name_is_of_one_place_s_kind_only():
    """Two places may log the same event; then they name the same fields, so that one search serves both."""
    by_event: dict[str, set[frozenset[str]]] = {}
    for _, call in CALLS:
        by_event.setdefault(call.args[0].value, set()).add(frozenset(fields(call)))
    assert {event: kinds for event, kinds in by_event.items() if len(kinds) > 1} == {}


def test_a_payload_would_be_noticed():
    call = ast.parse('log.info("workflows.x", payload=1, first=entry.snapshot[0], extra={"tags": 2})').body[0].value
    assert set(fields(call)) == {"payload", "first", "tags"}
    assert {"payload", "tags"} <= SENT
    with pytest.raises(AssertionError):
        test_no_field_is_what_a_tenant_sent("here", call)
    with pytest.raises(AssertionError):
        test_no_value_is_a_whole_payload_under_another_name("here", call)
