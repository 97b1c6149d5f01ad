"""Whatever is sent, the answer is one of those described, and never a 5xx."""

from typing import Any

import msgspec
import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import Caller
from workflows.api import examples

pytestmark = pytest.mark.django_db
fuzz = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

TEXT = st.text(max_size=8) | st.sampled_from(
    ["greet", "auto", "never", "on", "\0", "\u2028", "x" * 300, "%00", "$", "/~"]
)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | TEXT
    | st.datetimes(allow_imaginary=False).map(lambda time: f"{time.isoformat()}Z")
    | st.uuids().map(str)
)
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
TRIGGER = st.fixed_dictionaries(
    {"definition": st.sampled_from(["greet", "greet", "noop"]) | TEXT},
    optional={
        "payload": JSON,
        "idempotency_key": st.sampled_from(["a", "b"]) | TEXT,
        "tags": st.lists(TEXT, max_size=12) | JSON,
        "metadata": st.dictionaries(TEXT, JSON, max_size=3) | JSON,
        "run_after": SCALAR,
        "buffer": st.sampled_from(["auto", "never"]) | SCALAR,
    },
)


def spoiled(body: bytes) -> st.SearchStrategy[bytes]:
    """Cut a body, or put bytes into it that JSON, UTF-8 or a table does not take."""
    spoils = st.sampled_from(
        [
            b"\\u0000",
            b"\\ud800",
            b"\xff",
            b"\0",
            b"1e999",
            b"-",
            b"[" * 200,
            b"{" * 70,
            b"9" * 400,
            b'"',
            b",",
            b"\xef\xbb\xbf",
        ]
    )
    return st.tuples(st.integers(0, len(body)), spoils, st.booleans()).map(
        lambda cut: body[: cut[0]] + cut[1] + (b"" if cut[2] else body[cut[0] :])
    )


def bodies(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    whole = values.map(msgspec.json.encode)
    return whole | whole.flatmap(spoiled) | st.binary(max_size=64)


def check(response: Any, allowed: set[int]) -> None:
    assert response.status_code in allowed, response.content
    assert response["X-Request-Id"]
    if response.status_code >= 400:
        problem = response.json()
        assert (response["Content-Type"], problem["status"]) == ("application/problem+json", response.status_code)
        assert problem["code"]
        assert problem["request_id"] == response["X-Request-Id"]
        assert response.status_code != 400 or "pointer" in problem or "parameter" in problem


@pytest.mark.parametrize("caller", ["acme", "smoothed"])
@fuzz
@given(body=bodies(TRIGGER | JSON))
def test_any_trigger(request: Any, caller: str, body: bytes) -> None:
    check(request.getfixturevalue(caller).post("triggers", body), {200, 201, 202, 400, 404, 413, 422})


@fuzz
@given(body=bodies(st.fixed_dictionaries({"triggers": st.lists(TRIGGER | JSON, max_size=5) | JSON})))
def test_any_batch(smoothed: Caller, body: bytes) -> None:
    response = smoothed.post("triggers/batch", body)
    check(response, {200, 400})
    for result in response.json().get("results", []):
        assert result["status"] in {200, 201, 202, 400, 404, 422}
        assert ("problem" in result) == (result["status"] >= 400)


@fuzz
@given(body=bodies(st.fixed_dictionaries({}, optional={"reason": TEXT}) | JSON), if_match=st.none() | TEXT)
def test_any_cancel(smoothed: Caller, body: bytes, if_match: str | None) -> None:
    id_ = smoothed.trigger().json()["id"]
    fence = {} if if_match is None else {"If_Match": if_match}
    check(smoothed.post(f"instances/{id_}/cancel", body, **fence), {200, 400, 409})


@fuzz
@given(body=bodies(st.dictionaries(st.sampled_from(list(examples.FLAGS)), SCALAR) | JSON), if_match=TEXT)
def test_any_flags(acme: Caller, body: bytes, if_match: str) -> None:
    check(acme.put("flags", body, If_Match=if_match), {200, 400, 412, 422})


@fuzz
@given(
    path=st.sampled_from(["instances", "instances/019aa5a0-7c1e-7e42-b4f5-0a4f7a5d3c11/events", "flags", "buffer"]),
    query=st.dictionaries(
        st.sampled_from(["status", "definition", "tag", "since", "cursor", "limit", "after"]) | TEXT, SCALAR.map(str)
    ),
)
def test_any_query(smoothed: Caller, path: str, query: dict[str, str]) -> None:
    smoothed.trigger()
    response = smoothed.client.get(f"/api/v1/{path}", query, headers={"Authorization": f"Bearer {smoothed.key}"})
    check(response, {200, 400, 404})


@fuzz
@given(header=TEXT | st.text(max_size=40).map("Bearer ".__add__), request_id=TEXT)
def test_any_key(header: str, request_id: str) -> None:
    response = Client().get("/api/v1/instances", headers={"Authorization": header, "X-Request-Id": request_id})
    check(response, {401})


@fuzz
@given(path=st.text(max_size=30))
def test_any_address(acme: Caller, path: str) -> None:
    response = acme.get(path.replace("?", "").replace("#", ""))
    check(response, {200, 301, 404, 405})
