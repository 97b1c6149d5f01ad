"""Arguments of a definition: each fault at its place, what is only known later is let by."""

import pytest

from workflows.actions import checking
from workflows.actions.http import HttpArguments
from workflows.actions.llm import LlmArguments

SECRET = {"$secret": "KEY"}
BLOB = {"$blob": "blobs/x", "size": 5}

GOOD_HTTP = [
    {"url": "https://a.example"},
    {"url": "{{ base }}/orders", "method": "POST", "json": {"n": "{{ n }}"}, "headers": {"X": "{{ x }}"}},
    {"url": SECRET, "headers": {"Authorization": {"$secret": "KEY", "prefix": "Bearer "}}, "query": {"k": SECRET}},
    {"url": "https://a.example", "timeout_seconds": "{{ t }}", "expect": "{{ statuses }}", "headers": "{{ h }}"},
    {"url": "https://a.example", "method": "{{ m }}", "expect": [200, "{{ s }}"]},
    {"url": "https://a.example", "method": "PUT", "json": BLOB, "timeout_seconds": 5},
    "{{ everything }}",
]
BAD_HTTP = [
    ({}, "", "url"),
    ({"url": 5}, "/url", "must be string"),
    ({"url": "x", "method": "TRACE"}, "/method", "must be one of DELETE or GET"),
    ({"url": "x", "headers": {"a/b~c": 5}}, "/headers/a~1b~0c", "must be string"),
    ({"url": "x", "expect": [200, 99]}, "/expect/1", "99"),
    ({"url": "x", "timeout_seconds": 0}, "/timeout_seconds", "0"),
    ({"url": "x", "metod": "GET"}, "", "metod not known here"),
    ({"url": "x", "query": {"a": ["b"]}}, "/query/a", "must be string or null"),
    ({"url": {"$secret": 5}}, "/url", "plain string"),
    ({"url": {"$secret": "{{ name }}"}}, "/url", "without a template"),
    ({"url": {"$secret": "KEY", "sufix": "x"}}, "/url", "prefix"),
    ({"url": "x", "method": "POST", "json": {}, "body": "y"}, "", "json or body, not both"),
    ({"url": "x", "json": {}}, "", "takes no body"),
    ([], "", "must be object"),
]


@pytest.mark.parametrize("arguments", GOOD_HTTP)
def test_what_may_turn_out_right_is_let_by(arguments) -> None:
    assert checking.check(HttpArguments, arguments) == []


@pytest.mark.parametrize(("arguments", "pointer", "message"), BAD_HTTP)
def test_a_fault_is_told_at_its_place(arguments, pointer, message) -> None:
    faults = checking.check(HttpArguments, arguments)
    assert [place for place, _ in faults] == [pointer]
    assert message in faults[0][1]


def test_every_fault_is_told_at_once() -> None:
    arguments = {"url": 1, "method": "X", "headers": {"a": 2}, "timeout_seconds": "{{ t }}"}
    assert [place for place, _ in checking.check(HttpArguments, arguments)] == ["/headers/a", "/method", "/url"]


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ({"endpoint": "https://a.example", "model": "m"}, ""),
        ({"endpoint": "https://a.example", "model": "m", "prompt": "p", "messages": []}, ""),
        ({"endpoint": "https://a.example", "model": "m", "prompt": "p", "tools": []}, ""),
        ({"endpoint": "https://a.example", "model": "m", "prompt": "p", "temperature": 3}, "/temperature"),
        ({"endpoint": "a.example", "model": "m", "messages": [{"role": "x", "content": ""}]}, "/messages/0/role"),
        ({"endpoint": "https://a.example", "model": "m", "messages": [{"role": "user"}]}, "/messages/0"),
    ],
)
def test_the_llm_step_is_checked_alike(arguments, pointer) -> None:
    assert [place for place, _ in checking.check(LlmArguments, arguments)] == [pointer]


def test_the_places_of_secrets_are_pointers() -> None:
    arguments = {"url": SECRET, "headers": {"a/b": SECRET, "c": "x"}, "json": [1, {"d": SECRET}]}
    assert checking.secret_places(arguments) == ["/url", "/headers/a~1b", "/json/1/d"]
