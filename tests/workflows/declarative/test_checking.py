"""What is wrong with a document, as a table of documents and the places of their faults."""

import copy

import pytest

from tests.workflows.declarative.documents import act, ask, document, each, parallel, put, wait
from workflows.declarative import checking, schema
from workflows.declarative.checking import Bounds

pytestmark = pytest.mark.usefixtures("actions")
BOUNDS = Bounds(max_bytes=10_000, max_steps=20, max_depth=3, max_iterations=1_000, max_parallelism=5)
LLM = {"type": "llm", "model": "m", "endpoint": "https://models.example/v1", "prompt": "Hello {{ payload.name }}"}

GOOD = {
    "one action": document(("a", act(arguments={"to": "{{ payload.name }}", "key": {"$secret": "KEY"}}))),
    "a trigger alone": {"steps": {"start": {"type": "trigger"}}},
    "two ways that meet": document(("q", ask("payload.n > 1", "a", "b")), ("a", act(to="b")), ("b", act())),
    "a loop whose line leads back": document(("l", each("payload.items", "a")), ("a", act(to="l"))),
    "a loop whose line ends": document(
        ("l", each("payload.items", "a", "b", item="order")),
        ("a", {**act(arguments={"o": "{{ loop.order.id }} {{ loop.index }}"}), "next": {}}),
        ("b", act(arguments={"all": "{{ steps.l.results }}"})),
    ),
    "loops in loops": document(
        ("l", each("payload.rows", "m", parallelism=2)),
        ("m", each("loop.item", "a", "l", item="cell", index="column")),
        ("a", act(to="m", arguments={"cell": "{{ loop.cell }} of {{ loop.item }}"})),
    ),
    "branches": document(("p", parallel("race", left="a", right="w")), ("a", act()), ("w", wait(seconds=1))),
    "a hook with a time-out": document(
        (
            "w",
            {
                **wait(hook="ok", token="t-{{ payload.id }}", timeout_seconds=5),
                "next": {"success": "a", "timeout": "noop"},
            },
        ),
        ("a", act()),
    ),
    "variables": document(
        ("s", put("a", total="{{ count + 1 }}")),
        ("a", act(arguments={"t": "{{ total }}"})),
        variables={"count": 1},
        output="{{ steps.a.t }}",
    ),
    "a model": document(("m", LLM)),
    "a failure that goes on": document(("a", {**act("fail"), "next": {"success": "noop", "error": "b"}}), ("b", act())),
    "no retries": document(("a", act(retry={"max_retries": -1})), retry={"max_retries": 3}),
    "an expression in braces": document(("q", ask("{{ payload.n == 1 }}"))),
}

BAD = {
    # Its shape.
    "a list": ([], [""]),
    "no steps": ({}, ["/steps"]),
    "steps that are a list": ({"steps": []}, ["/steps"]),
    "no steps inside": ({"steps": {}}, ["/steps"]),
    "an unknown member": (document(colour=1), ["/colour"]),
    "an unknown member of a step": (document(("a", act(colour=1))), ["/steps/a/colour"]),
    "an unknown type": (document(("a", {"type": "dance"})), ["/steps/a/type"]),
    "no type": (document(("a", {})), ["/steps/a/type"]),
    "a step that is a text": (document(("a", "echo")), ["/steps/a"]),
    "a missing member": (document(("q", {"type": "condition"})), ["/steps/q/expression"]),
    "a wrong type": (document(("a", act(timeout_seconds="5"))), ["/steps/a/timeout_seconds"]),
    "a number out of range": (document(("a", act(timeout_seconds=0))), ["/steps/a/timeout_seconds"]),
    "a wrong type inside": (document(("a", act(retry={"max_retries": "3"}))), ["/steps/a/retry/max_retries"]),
    "an unknown member inside": (document(("a", act(retry={"times": 3}))), ["/steps/a/retry/times"]),
    "the document's retry": (document(retry={"backoff_factor": 0.5}), ["/retry/backoff_factor"]),
    "a step's bad name": (document(("a/b", act())), ["/steps/a~1b"]),
    "a reserved name": (document(("steps", act())), ["/steps/steps"]),
    "a variable's bad name": (document(variables={"payload": 1, "a b": 2}), ["/variables/a b", "/variables/payload"]),
    "a port that leads to a number": (document(("a", {**act(), "next": {"success": 3}})), ["/steps/a/next/success"]),
    "several at once": (
        document(("a", act(colour=1, timeout_seconds="x")), ("b", {"type": "x"})),
        ["/steps/a/colour", "/steps/a/timeout_seconds", "/steps/b/type"],
    ),
    "no iterations": (
        document(("l", each("payload", "a", max_iterations=0)), ("a", act())),
        ["/steps/l/max_iterations"],
    ),
    "a mode": (document(("p", parallel("some", a="x")), ("x", act())), ["/steps/p/mode"]),
    "too large": (document(variables={"text": "x" * 10_000}), [""]),
    "too many steps": (document(*((f"s{n}", act()) for n in range(20))), ["/steps"]),
    "not JSON": ({"steps": {"start": object()}}, [""]),
    # Its graph.
    "no trigger": ({"steps": {"a": act()}}, ["/steps"]),
    "two triggers": (document(("b", {"type": "trigger"})), ["/steps/b/type", "/steps/start/next/success"]),
    "a way to nowhere": (document(("a", act(to="b"))), ["/steps/a/next/success"]),
    "an unknown port": (
        document(("a", {**act(), "next": {"success": "noop", "maybe": "noop"}})),
        ["/steps/a/next/maybe"],
    ),
    "a port of a condition that is missing": (
        document(("q", {**ask("true"), "next": {"true": "noop"}})),
        ["/steps/q/next"],
    ),
    "a port of an action that is missing": (document(("a", {**act(), "next": {"error": "noop"}})), ["/steps/a/next"]),
    "a time-out that leads nowhere": (document(("w", wait(hook="h", timeout_seconds=1))), ["/steps/w/next"]),
    "a loop without a line": (document(("l", {**each("payload", "x"), "next": {}})), ["/steps/l/next"]),
    "a loop whose line is noop": (document(("l", each("payload", "noop"))), ["/steps/l/next/loop"]),
    "an unreachable step": (document(("a", act()), ("b", act())), ["/steps/b"]),
    "a circle": (document(("a", act(to="b")), ("b", act(to="a"))), ["/steps/b/next/success"]),
    "a step that leads to itself": (document(("a", act(to="a"))), ["/steps/a/next/success"]),
    "a loop that is done with itself": (
        document(("l", each("payload", "a", "l")), ("a", act())),
        ["/steps/l/next/done"],
    ),
    "back to the outer loop": (
        document(("l", each("payload", "m")), ("m", each("payload", "a", "l", item="x")), ("a", act(to="l"))),
        ["/steps/a/next/success"],
    ),
    "back to the trigger": (document(("a", act(to="start"))), ["/steps/a/next/success"]),
    "out of a loop": (
        document(("l", each("payload", "a", "b")), ("a", act(to="b")), ("b", act())),
        ["/steps/l/next/done"],
    ),
    "from one branch into another": (
        document(("p", parallel("all", x="a", y="b")), ("a", act(to="b")), ("b", act())),
        ["/steps/p/branches/y"],
    ),
    "no branches": (document(("p", parallel("all"))), ["/steps/p/branches"]),
    "a branch's bad name": (
        document(("p", {**parallel("all"), "branches": {"a b": "x"}}), ("x", act())),
        ["/steps/p/branches/a b"],
    ),
    "too deep": (
        document(
            *((f"l{n}", each("payload", f"l{n + 1}")) for n in range(4)),
            ("l4", act()),
        ),
        ["/steps/l3/next/loop"],
    ),
    # What its steps ask for.
    "an unknown action": (document(("a", act("dance"))), ["/steps/a/action"]),
    "an action's arguments": (document(("a", act(arguments={"colour": 1}))), ["/steps/a/arguments/colour"]),
    "an event without a type": (document(("e", act("emit_event"))), ["/steps/e/arguments/type"]),
    "an event with a bad type": (
        document(("e", act("emit_event", arguments={"type": "a b"}))),
        ["/steps/e/arguments/type"],
    ),
    "a hook with a bad name": (document(("w", wait(hook="a b"))), ["/steps/w/hook"]),
    "an event with too much": (
        document(("e", act("emit_event", arguments={"type": "t", "x": 1}))),
        ["/steps/e/arguments/x"],
    ),
    "an event that retries": (
        document(("e", act("emit_event", arguments={"type": "t"}, retry={"max_retries": 1}, timeout_seconds=1))),
        ["/steps/e/retry", "/steps/e/timeout_seconds"],
    ),
    "an event that fails": (
        document(("e", {**act("emit_event", arguments={"type": "t"}), "next": {"success": "noop", "error": "noop"}})),
        ["/steps/e/next/error"],
    ),
    "a variable that hides": (document(("s", put(loop=1))), ["/steps/s/arguments/loop"]),
    "a model that is asked nothing": (document(("m", {**LLM, "prompt": None})), ["/steps/m/prompt"]),
    "a model's arguments": (document(("m", {**LLM, "options": {"colour": 1}})), ["/steps/m/options/colour"]),
    "too many iterations": (
        document(("l", each("payload", "a", max_iterations=1_001)), ("a", act())),
        ["/steps/l/max_iterations"],
    ),
    "too parallel": (document(("l", each("payload", "a", parallelism=6)), ("a", act())), ["/steps/l/parallelism"]),
    "an item like its index": (
        document(("l", each("payload", "a", item="i", index="i")), ("a", act())),
        ["/steps/l/index"],
    ),
    "a wait for nothing": (document(("w", wait())), ["/steps/w"]),
    "a wait for two": (document(("w", wait(seconds=1, hook="h"))), ["/steps/w"]),
    "a token without a hook": (document(("w", wait(seconds=1, token="t"))), ["/steps/w/token"]),
    # Its expressions.
    "a syntax error": (document(("q", ask("payload.n >"))), ["/steps/q/expression"]),
    "no function": (document(("q", ask("open('x')"))), ["/steps/q/expression"]),
    "a method": (document(("l", each("payload.items()", "a")), ("a", act())), ["/steps/l/collection"]),
    "an unknown variable": (document(("a", act(arguments={"x": ["{{ count }}"]}))), ["/steps/a/arguments/x/0"]),
    "an unknown step": (document(("q", ask("steps.other == 1"))), ["/steps/q/expression"]),
    "an unknown name of a loop": (document(("q", ask("loop.item == 1"))), []),
    "an empty hole": (document(("a", act(arguments={"x": "{{ }}"}))), ["/steps/a/arguments/x"]),
    "a wait's": (document(("w", wait(seconds="{{ nap }}"))), ["/steps/w/seconds"]),
    "a prompt's": (document(("m", {**LLM, "prompt": "{{ name }}"})), ["/steps/m/prompt"]),
    "the output's": (document(output={"x": "{{ steps.nobody }}"}), ["/output/x"]),
    "a variable's": (document(variables={"x": "{{ payload }}"}), ["/variables/x"]),
}
del BAD["an unknown name of a loop"]


@pytest.mark.parametrize("name", GOOD)
def test_a_sound_document_has_no_fault(name):
    assert checking.check(GOOD[name], BOUNDS) == []


@pytest.mark.parametrize("name", BAD)
def test_each_fault_points_at_its_place(name):
    broken, paths = BAD[name]
    before = copy.deepcopy(broken) if name != "not JSON" else None
    found = checking.check(broken, BOUNDS)
    assert [fault.path for fault in found] == paths, found
    assert all(fault.message.endswith((".", "}")) for fault in found)
    assert before is None or broken == before


def test_the_actions_of_a_document_are_those_that_are_registered():
    parsed = schema.parse(document(("a", act()), ("s", put()), ("m", LLM), ("e", act("emit_event"))))
    assert checking.actions_of(parsed) == ["echo", "llm"]
