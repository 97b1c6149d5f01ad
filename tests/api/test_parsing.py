"""Bodies and query strings become checked values or problems that point at the fault."""

from io import BytesIO
from typing import Any

import msgspec
import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.request import Request

from workflows.api import content, parsing
from workflows.api.problems import Problem
from workflows.api.serializers import ListQuery, TriggerRequest

DECODER = msgspec.json.Decoder(TriggerRequest)


def refused(body: bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        parsing.decode(DECODER, body)
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (b"", "malformed_json", ""),
        (b"{", "malformed_json", ""),
        (b'{"definition":"a"} x', "malformed_json", ""),
        (b'{"definition":"a","payload":NaN}', "malformed_json", ""),
        (b'{"definition":"\xff"}', "malformed_json", ""),
        (b'{"definition":"a","payload":"\\ud800"}', "malformed_json", ""),
        (b'{"definition":"a","payload":"\\udc00 and more text"}', "malformed_json", ""),
        (b'{"definition":"a","payload":"\xed\xa0\x80"}', "malformed_json", ""),
        (b"[]", "invalid_field", ""),
        (b"null", "invalid_field", ""),
        (b"{}", "missing_field", "/definition"),
        (b'{"definition":null}', "invalid_field", "/definition"),
        (b'{"definition":7}', "invalid_field", "/definition"),
        (b'{"definition":""}', "invalid_field", "/definition"),
        (b'{"definition":"a","tags":["x",7]}', "invalid_field", "/tags/1"),
        (b'{"definition":"a","metadata":[]}', "invalid_field", "/metadata"),
        (b'{"definition":"a","buffer":"maybe"}', "invalid_field", "/buffer"),
        (b'{"definition":"a","run_after":"2026-01-01T00:00:00"}', "invalid_field", "/run_after"),
        (b'{"definition":"a","run_after":"yesterday"}', "invalid_field", "/run_after"),
        (b'{"definition":"a","ttl_seconds":5}', "unknown_field", "/ttl_seconds"),
        (b'{"definition":"a","par/ent~":5}', "unknown_field", "/par~1ent~0"),
        (b'{"definition":"a","payload":1e400}', "number_out_of_range", "/payload"),
        (b'{"definition":"a","payload":{"n":18446744073709551616}}', "number_out_of_range", ""),
        (b'{"definition":"a","payload":' + b"9" * 5000 + b"}", "number_out_of_range", "/payload"),
        (b'{"definition":"a","payload":{"x/y":["ok","a\\u0000b"]}}', "nul_character", "/payload/x~1y/1"),
        (b'{"definition":"a","payload":{"\\u0000":1}}', "nul_character", "/payload"),
        (b'{"definition":"a\\u0000"}', "nul_character", "/definition"),
    ],
)
def test_a_fault_is_named_with_its_place(body: bytes, code: str, pointer: str) -> None:
    problem = refused(body)
    assert (problem.code, problem.pointer) == (code, pointer)


@pytest.mark.parametrize("depth", [content.MAX_DEPTH, 500, 5_000, 100_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    assert refused(b'{"definition":"a","payload":' + b"[" * depth + b"]" * depth + b"}").code == "too_deep"


def test_many_brackets_that_are_not_deep_are_taken() -> None:
    payload = [[{"a": []}] for _ in range(100)]
    taken = parsing.decode(DECODER, msgspec.json.encode({"definition": "a", "payload": payload}))
    assert taken.payload == payload


def test_an_escaped_backslash_before_u0000_is_not_a_nul() -> None:
    assert parsing.decode(DECODER, rb'{"definition":"a","payload":"\\u0000"}').payload == "\\u0000"


def test_a_fault_inside_a_larger_body_is_named_from_its_top() -> None:
    with pytest.raises(Problem) as caught:
        parsing.decode(DECODER, b'{"definition":"a","tags":[1]}', at="/triggers/3")
    assert caught.value.pointer == "/triggers/3/tags/0"


def attempt(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except Problem as problem:
        return problem


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@given(st.binary(max_size=200) | JSON.map(lambda value: msgspec.json.encode({"definition": "a", "payload": value})))
def test_any_bytes_give_a_value_or_a_problem(body: bytes) -> None:
    taken = attempt(parsing.decode, DECODER, body)
    if isinstance(taken, Problem):
        assert (taken.status, taken.pointer is None) == (400, False)
    else:
        assert msgspec.json.decode(msgspec.json.encode(taken.payload)) == taken.payload


def ask(query: str) -> Any:
    return parsing.query(Request(RequestFactory().get(f"/?{query}")), ListQuery)


def test_a_query_string_is_converted() -> None:
    asked = ask("status=running&limit=7&since=2026-01-01T00:00:00Z&tag=vip")
    assert (asked.status, asked.limit, asked.tag, asked.since.year) == ("running", 7, "vip", 2026)


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("limit=x", "invalid_parameter", "limit"),
        ("limit=0", "invalid_parameter", "limit"),
        ("limit=201", "invalid_parameter", "limit"),
        ("limit=99999999999999999999999", "invalid_parameter", "limit"),
        ("status=asleep", "invalid_parameter", "status"),
        ("since=2026-01-01", "invalid_parameter", "since"),
        ("tag=a&tag=b", "repeated_parameter", "tag"),
        ("tag=%00", "nul_character", "tag"),
        ("colour=red", "unknown_parameter", "colour"),
    ],
)
def test_a_query_string_that_can_not_be_is_refused(query: str, code: str, parameter: str) -> None:
    with pytest.raises(Problem) as caught:
        ask(query)
    assert (caught.value.status, caught.value.code, caught.value.parameter) == (400, code, parameter)


def chunked(acme: Any, body: bytes, **environ: Any) -> Any:
    """Send a body as a server passes on one that came in chunks: without a length."""
    return acme.client.generic(
        "POST",
        "/api/v1/triggers",
        headers={"Authorization": f"Bearer {acme.key}"},
        **{"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": BytesIO(body)} | environ,
    )


def test_a_body_in_chunks_is_read(acme: Any) -> None:
    response = chunked(acme, b'{"definition":"greet","payload":[1]}', **{"wsgi.input_terminated": True})
    assert (response.status_code, response.json()["payload"]) == (201, [1])


def test_a_body_in_chunks_has_its_cap(acme: Any) -> None:
    refused = chunked(acme, b" " * (2 * 1024 * 1024), **{"wsgi.input_terminated": True})
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


def test_a_body_without_an_end_is_refused(acme: Any) -> None:
    refused = chunked(acme, b"{}")
    assert (refused.status_code, refused.json()["code"]) == (411, "length_required")


@pytest.mark.parametrize(("length", "status"), [("many", 400), ("-5", 400), ("9" * 5000, 413), ("1e3", 400)])
def test_a_length_that_can_not_be_is_refused(acme: Any, length: str, status: int) -> None:
    refused = chunked(acme, b'{"definition":"greet"}', CONTENT_LENGTH=length)
    assert refused.status_code == status
