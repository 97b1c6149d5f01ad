"""Conditions of bindings: one boolean expression over an event's payload, evaluated without `eval`. Pure.

Comparisons, `and`, `or`, `not`, `in`, lists, and members of the payload. There are no calls and no arithmetic, so the
work is bounded by the length of the expression.
"""

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from simpleeval import EvalWithCompoundTypes, InvalidExpression

MAX_LENGTH = 500
MAX_TEXT = 64 * 1024
OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Gt: operator.gt,
    ast.Lt: operator.lt,
    ast.GtE: operator.ge,
    ast.LtE: operator.le,
    ast.In: lambda item, container: item in container,
    ast.NotIn: lambda item, container: item not in container,
    ast.Not: operator.not_,
    ast.USub: operator.neg,
}
ALLOWED = (
    *(ast.Expression, ast.Expr, ast.Compare, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, *OPERATORS),
    *(ast.Name, ast.Load, ast.Attribute, ast.Subscript, ast.Constant, ast.List, ast.Tuple),
)
WORDS = {"true": True, "false": False, "null": None}
NAMES = frozenset({"payload", "type", *WORDS})


class ConditionInvalid(Exception):
    """The text is no condition."""

    code = "condition_invalid"


class ConditionFailed(Exception):
    """It can't be answered for this payload: it compares what can't be compared, or is no true or false."""

    code = "condition_failed"


class _Evaluator(EvalWithCompoundTypes):  # type: ignore[misc]
    """Reads members of JSON, and no attribute of any Python object; what is missing is null."""

    def _eval_attribute(self, node: ast.Attribute) -> Any:
        return _member(self._eval(node.value), node.attr)

    def _eval_subscript(self, node: ast.Subscript) -> Any:
        return _member(self._eval(node.value), self._eval(node.slice))


def check(condition: str) -> None:
    """Refuse what is no condition.

    Raises:
        ConditionInvalid: it says what is wrong, and where.
    """
    if condition:
        _parse(condition)


def holds(condition: str, type_: str, payload: Any) -> bool:
    """Tell whether it holds; an empty one always does.

    Raises:
        ConditionInvalid: it is no condition.
        ConditionFailed: it has no answer for this payload.
    """
    if not condition:
        return True
    evaluator = _Evaluator(operators=dict(OPERATORS), functions={}, names={"payload": payload, "type": type_, **WORDS})
    try:
        answer = evaluator.eval(condition, previously_parsed=_parse(condition))
    except (InvalidExpression, TypeError, ValueError, RecursionError) as error:
        raise ConditionFailed(f"{condition!r}: {error}") from error
    if not isinstance(answer, bool):
        raise ConditionFailed(f"{condition!r} is {type(answer).__name__}, not true or false")
    return answer


def _member(value: Any, name: Any) -> Any:
    if isinstance(value, dict) and isinstance(name, str):
        return value.get(name)
    if isinstance(value, list) and isinstance(name, int) and -len(value) <= name < len(value):
        return value[name]
    return None


@lru_cache(maxsize=1024)
def _parse(condition: str) -> ast.expr:
    if len(condition) > MAX_LENGTH:
        raise ConditionInvalid(f"it has {len(condition)} characters; at most {MAX_LENGTH}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(condition.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConditionInvalid(f"it can't be read: {getattr(error, 'msg', error)}") from error
    for node in ast.walk(tree):
        if not isinstance(node, ALLOWED):
            raise ConditionInvalid(f"{type(node).__name__} is not allowed; compare members of the payload")
        if isinstance(node, ast.Name) and node.id not in NAMES and node.id not in {"True", "False", "None"}:
            raise ConditionInvalid(f"there is no {node.id!r}; the names are payload and type")
        if isinstance(node, ast.Constant) and not isinstance(node.value, str | int | float | bool | None):
            raise ConditionInvalid(f"{node.value!r} is no JSON value")
    return tree.body
