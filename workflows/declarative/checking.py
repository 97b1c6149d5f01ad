"""Check a document before it is kept: its shape, its graph, its expressions, and what its steps ask for."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from workflows import conf
from workflows.actions import registry as actions
from workflows.declarative import expressions, graph, schema, templates
from workflows.declarative.expressions import ExpressionInvalid
from workflows.declarative.faults import Fault, at
from workflows.declarative.schema import Action, Condition, Document, Llm, Loop, Step, Wait, Work

EMIT, SET = "emit_event", "set_variables"
LLM = "llm"
EVENT_TYPE = re.compile(schema.WORD)
OWN = {EMIT, SET}
EMIT_MEMBERS = ("type", "payload", "key")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a definition may be; `workflows.conf` has the values."""

    max_bytes: int
    max_steps: int
    max_depth: int
    max_iterations: int
    max_parallelism: int


def bounds() -> Bounds:
    """Return the bounds that are set."""
    current = conf.current()
    return Bounds(
        max_bytes=current.max_definition_bytes,
        max_steps=current.max_definition_steps,
        max_depth=current.max_definition_depth,
        max_iterations=current.max_loop_iterations,
        max_parallelism=current.max_loop_parallelism,
    )


def check(document: Any, bounds: Bounds) -> list[Fault]:
    """Return every fault of a document, each with the JSON pointer of its place; none: it can be kept."""
    if found := _of_size(document, bounds) or schema.faults(document):
        return sorted(set(found))
    parsed = schema.parse(document)
    names = _names(parsed)
    found = graph.faults(parsed, bounds.max_depth)
    for name, step in parsed.steps.items():
        path = at("/steps", name)
        found += _of_step(step, path, bounds)
        found += [each for place, text in _expressions(step, path) for each in _of_expression(place, text, names)]
    found += _of_templates({"variables": parsed.variables}, "", {})
    if parsed.output is not msgspec.UNSET:
        found += _of_templates(parsed.output, "/output", names)
    return sorted(set(found))


def actions_of(document: Document) -> list[str]:
    """Return the registered actions that a definition needs."""
    found = {step.action for step in document.steps.values() if isinstance(step, Action)} - OWN
    if any(isinstance(step, Llm) for step in document.steps.values()):
        found.add(LLM)
    return sorted(found)


def unrunnable(needs: Iterable[str], disabled: Mapping[str, str]) -> str | None:
    """Say which of the actions are not to be had, given those that are disabled and why; None: all are."""
    known = actions.names()
    said = [f"there is no action {name!r} here" for name in sorted(needs) if name not in known]
    said += [f"the action {name!r} is disabled ({disabled[name]})" for name in sorted(needs) if name in disabled]
    return "; ".join(said) or None


def _of_size(document: Any, bounds: Bounds) -> list[Fault]:
    try:
        size = len(msgspec.json.encode(document))
    except (TypeError, ValueError, RecursionError) as error:
        return [Fault("", f"This is not JSON: {error}.")]
    if size > bounds.max_bytes:
        return [Fault("", f"A definition may have {bounds.max_bytes} bytes; this has {size}.")]
    steps = document.get("steps") if isinstance(document, dict) else None
    if isinstance(steps, dict) and len(steps) > bounds.max_steps:
        return [Fault("/steps", f"A definition may have {bounds.max_steps} steps; this has {len(steps)}.")]
    return []


def _names(document: Document) -> dict[str, frozenset[str]]:
    """Return what expressions may name, with the members that are known of it; none: any."""
    variables = {*document.variables, "payload", "instance"}
    loops = set()
    for step in document.steps.values():
        if isinstance(step, Action) and step.action == SET:
            variables |= step.arguments.keys()
        elif isinstance(step, Loop):
            loops |= {step.item, step.index}
    anything: frozenset[str] = frozenset()
    return {**dict.fromkeys(variables, anything), "steps": frozenset(document.steps), "loop": frozenset(loops)}


def _of_step(step: Step, path: str, bounds: Bounds) -> Iterator[Fault]:
    match step:
        case Action():
            yield from _of_action(step, path)
        case Llm():
            yield from _of_llm(step, path)
        case Loop():
            yield from _of_loop(step, path, bounds)
        case Wait():
            yield from _of_wait(step, path)
        case _:
            pass


def _of_action(step: Action, path: str) -> Iterator[Fault]:
    if step.action in OWN:
        yield from _of_own(step, path)
    elif step.action not in actions.names():
        known = ", ".join(sorted(OWN | actions.names()))
        yield Fault(at(path, "action"), f"There is no action {step.action!r}; there are: {known}.")
    else:
        for pointer, message in actions.check(step.action, step.arguments):
            yield Fault(f"{at(path, 'arguments')}{pointer}", message)


def _of_own(step: Action, path: str) -> Iterator[Fault]:
    """Judge what the interpreter does by itself: it has no outside that could fail or be late."""
    yield from _unused(step, path, "retry", "timeout_seconds")
    if "error" in step.next:
        yield Fault(at(path, "next", "error"), f"{step.action} has no port `error`.")
    if step.action == SET:
        for name in step.arguments:
            if not schema.STEP_ID.fullmatch(name) or name in schema.RESERVED:
                yield Fault(at(path, "arguments", name), f"{name[:64]!r} can't be the name of a variable.")
        return
    type_ = step.arguments.get("type")
    if not isinstance(type_, str) or not (EVENT_TYPE.fullmatch(type_) or templates.HOLE.search(type_)):
        said = "`type` is the type of the event: 1 to 100 of a-z A-Z 0-9 - _ ."
        yield Fault(at(path, "arguments", "type"), said)
    for name in step.arguments:
        if name not in EMIT_MEMBERS:
            yield Fault(at(path, "arguments", name), f"emit_event takes {', '.join(EMIT_MEMBERS)}.")


def _unused(step: Work, path: str, *names: str) -> Iterator[Fault]:
    for name in names:
        if getattr(step, name) is not None:
            yield Fault(at(path, name), f"`{name}` says nothing here: this step can't fail and is never late.")


def _of_llm(step: Llm, path: str) -> Iterator[Fault]:
    if (step.prompt is None) == (step.messages is None):
        yield Fault(at(path, "prompt"), "Give `prompt` or `messages`, one of the two.")
    elif LLM not in actions.names():
        yield Fault(at(path, "type"), "There is no action `llm` in this service.")
    else:
        for pointer, message in actions.check(LLM, step.arguments()):
            first = pointer.split("/")[1] if "/" in pointer else ""
            yield Fault(f"{at(path, 'options') if first in step.options else path}{pointer}", message)


def _of_loop(step: Loop, path: str, bounds: Bounds) -> Iterator[Fault]:
    if step.item == step.index:
        yield Fault(at(path, "index"), "The item and its index need different names.")
    if step.max_iterations > bounds.max_iterations:
        yield Fault(at(path, "max_iterations"), f"At most {bounds.max_iterations} iterations.")
    if step.parallelism > bounds.max_parallelism:
        yield Fault(at(path, "parallelism"), f"At most {bounds.max_parallelism} iterations at once.")


def _of_wait(step: Wait, path: str) -> Iterator[Fault]:
    given = [name for name in ("seconds", "until", "hook") if getattr(step, name) is not None]
    if len(given) != 1:
        said = f"these are {len(given)}: {', '.join(given)}" if given else "there is none"
        yield Fault(path, f"A wait has one of `seconds`, `until` and `hook`; {said}.")
    if step.hook is None:
        for name in ("token", "timeout_seconds"):
            if getattr(step, name) is not None:
                yield Fault(at(path, name), f"`{name}` is for a wait that has a `hook`.")


def _expressions(step: Step, path: str) -> Iterator[tuple[str, str]]:
    """Yield each expression of a step with its place."""
    match step:
        case Condition():
            yield at(path, "expression"), templates.bare(step.expression)
        case Loop():
            yield at(path, "collection"), templates.bare(step.collection)
        case _:
            for name in ("arguments", "model", "endpoint", "prompt", "messages", "api_key", "options", *WAITS):
                value = getattr(step, name, None)
                if not callable(value):
                    yield from templates.expressions_in(value, at(path, name))


WAITS = ("seconds", "until", "token")


def _of_expression(path: str, text: str, names: dict[str, frozenset[str]]) -> Iterator[Fault]:
    try:
        named = expressions.names_in(text)
    except ExpressionInvalid as error:
        yield Fault(path, f"{error}.")
        return
    for name, member in named:
        if name not in names:
            yield Fault(
                path, f"`{expressions.shown(text)}`: there is no variable {name!r}; there are: {', '.join(names)}."
            )
        elif member is not None and names[name] and member not in names[name]:
            yield Fault(path, f"`{expressions.shown(text)}`: there is no {name}.{member}.")


def _of_templates(value: Any, path: str, names: dict[str, frozenset[str]]) -> list[Fault]:
    found = templates.expressions_in(value, path)
    return [fault for place, text in found for fault in _of_expression(place, text, names)]
