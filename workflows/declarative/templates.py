"""Templates: `{{ expression }}` inside the texts of a JSON value."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from workflows.declarative import expressions, functions
from workflows.declarative.expressions import ExpressionFailed, ExpressionInvalid
from workflows.declarative.faults import at
from workflows.declarative.functions import ValueUnfit

HOLE = re.compile(r"\{\{\s*(?P<expression>.*?)\s*\}\}", re.DOTALL)
# What is marked so is for the actions alone, and passed to them as it stands.
OPAQUE = frozenset({"$secret", "$blob"})
MAX_DEPTH = 64


def render(value: Any, evaluate: Callable[[str], Any], depth: int = 0) -> Any:
    """Fill every hole; a text that is one hole and nothing else becomes the value itself.

    Raises:
        ExpressionInvalid, ExpressionFailed: naming the expression.
    """
    if depth > MAX_DEPTH:
        raise ExpressionInvalid(f"a template is nested deeper than {MAX_DEPTH}")
    if isinstance(value, str):
        return _fill(value, evaluate)
    if isinstance(value, list):
        return [render(each, evaluate, depth + 1) for each in value]
    if isinstance(value, dict) and value.keys().isdisjoint(OPAQUE):
        return {name: render(each, evaluate, depth + 1) for name, each in value.items()}
    return value


def expressions_in(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each expression in a value."""
    rest = [(path, value)]
    while rest:
        place, each = rest.pop()
        if isinstance(each, str):
            yield from ((place, hole["expression"]) for hole in HOLE.finditer(each))
        elif isinstance(each, list):
            rest += [(at(place, index), member) for index, member in enumerate(each)]
        elif isinstance(each, dict) and each.keys().isdisjoint(OPAQUE):
            rest += [(at(place, name), member) for name, member in each.items()]


def bare(text: str) -> str:
    """Return an expression without the braces that someone may have put around it."""
    whole = HOLE.fullmatch(text.strip())
    return whole["expression"] if whole else text


def _fill(text: str, evaluate: Callable[[str], Any]) -> Any:
    if "{{" not in text:
        return text
    whole = HOLE.fullmatch(text.strip())
    if whole and HOLE.findall(text) == [whole["expression"]]:
        return evaluate(whole["expression"])
    try:
        filled = HOLE.sub(lambda hole: functions.text(evaluate(hole["expression"])), text)
        return functions.text(filled)
    except ValueUnfit as error:
        raise ExpressionFailed(f"`{expressions.shown(text)}`: {error}") from None
