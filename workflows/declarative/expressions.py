"""Expressions over JSON values: parsed by simpleeval, and bounded in every way that costs.

simpleeval is held to data alone: no attribute of an object is ever read, no method called, no function is a value.
The bounds are no settings: a replay must decide as the first run did.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from simpleeval import EvalWithCompoundTypes, InvalidExpression

from workflows.declarative.functions import FUNCTIONS, MAX_TEXT, ValueUnfit, kind

MAX_LENGTH = 1_000
MAX_DEPTH = 40
# Nodes evaluated and values looked at, in one evaluation.
MAX_WORK = 100_000
MAX_WORK_OF_INSTANCE = 100 * MAX_WORK
MAX_NUMBER = 2**63
BLOB = "$blob"

NODES = (
    *(ast.Expr, ast.Constant, ast.Name, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call),
    *(ast.Subscript, ast.Slice, ast.Attribute, ast.List, ast.Dict, ast.ListComp),
)
ALIASES = {"true": True, "false": False, "null": None}


class ExpressionInvalid(Exception):
    """An expression can't be understood; known when it is saved."""

    code = "expression_invalid"


class ExpressionFailed(Exception):
    """An expression can't be evaluated with these values."""

    code = "expression_failed"


@dataclass(slots=True)
class Purse:
    """The work that all expressions of one instance may cost together."""

    left: int = MAX_WORK_OF_INSTANCE


def evaluate(
    text: str, names: Mapping[str, Any], now: Callable[[], str] | None = None, purse: Purse | None = None
) -> Any:
    """Evaluate an expression; the result is a JSON value. `now` is what the function of that name asks.

    Raises:
        ExpressionInvalid: it can't be understood.
        ExpressionFailed: it does not fit the values, or costs too much.
    """
    tree = parse(text)
    evaluation = _Evaluation(names, now, purse or Purse())
    try:
        return evaluation.eval(text, tree)
    except (ExpressionFailed, ValueUnfit) as error:
        raise ExpressionFailed(f"`{shown(text)}`: {error}") from None
    except (ArithmeticError, TypeError, ValueError, LookupError, RecursionError, InvalidExpression) as error:
        raise ExpressionFailed(f"`{shown(text)}`: {error or type(error).__name__}") from None


@lru_cache(maxsize=4096)
def parse(text: str) -> ast.expr:
    """Understand an expression, without any values.

    Raises:
        ExpressionInvalid: a syntax error, or something that expressions here don't have.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionInvalid(f"an expression may have {MAX_LENGTH} characters")
    try:
        tree = ast.parse(text.strip().replace("\n", " "), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = error.msg if isinstance(error, SyntaxError) else "it can't be read"
        raise ExpressionInvalid(f"`{shown(text)}`: {said}") from None
    _check(text, tree)
    return tree


def names_in(text: str) -> list[tuple[str, str | None]]:
    """Return each variable that an expression reads, with the member it takes first, if it names one."""
    tree = parse(text)
    bound = {
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.comprehension)
        if isinstance(node.target, ast.Name)
    }
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    members = {
        id(node.value): _member(node) for node in ast.walk(tree) if isinstance(node, (ast.Attribute, ast.Subscript))
    }
    return [
        (node.id, members.get(id(node)))
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id not in bound | ALIASES.keys() and id(node) not in called
    ]


def shown(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:99]}…"


def _member(node: ast.Attribute | ast.Subscript) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    key = node.slice
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def _check(text: str, tree: ast.expr) -> None:
    rest: list[tuple[int, ast.AST]] = [(1, tree)]
    while rest:
        depth, node = rest.pop()
        said = "it is nested too deep" if depth > MAX_DEPTH else _missing(node) or _fault(node)
        if said:
            raise ExpressionInvalid(f"`{shown(text)}`: {said}")
        rest += [(depth + 1, each) for each in ast.iter_child_nodes(node)]


def _missing(node: ast.AST) -> str | None:
    """Name what Python has and expressions don't."""
    if isinstance(node, ast.expr) and not isinstance(node, NODES):
        return f"{type(node).__name__} is not to be had in expressions"
    if isinstance(node, ast.operator | ast.unaryop | ast.cmpop) and type(node) not in OPERATORS:
        return f"the operator {type(node).__name__} is not to be had in expressions"
    return None


def _fault(node: ast.AST) -> str | None:
    """Return what is wrong with a node that expressions do have."""
    match node:
        case ast.Call():
            return _fault_of_call(node)
        case ast.Constant(value=value) if not isinstance(value, (str, int, float, bool, type(None))):
            return f"{type(value).__name__} is not a value of JSON"
        case ast.comprehension(target=target, is_async=is_async) if is_async or not isinstance(target, ast.Name):
            return "a comprehension binds one name"
        case ast.Dict(keys=keys) if not all(_is_text(key) for key in keys):
            return "the names of an object are texts"
        case _:
            return None


def _is_text(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and isinstance(key.value, str)


def _fault_of_call(node: ast.Call) -> str | None:
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
        named = node.func.id if isinstance(node.func, ast.Name) else "this"
        return f"{named} is no function; there are: {', '.join(FUNCTIONS)}"
    plain = not node.keywords and not any(isinstance(each, ast.Starred) for each in node.args)
    return None if plain else f"{node.func.id} takes its arguments in order, without names"


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueUnfit(f"{kind(value)} is no number")
    return value


def _numeric(function: Callable[..., Any]) -> Callable[..., Any]:
    """Have an operator take numbers alone, and give only what JSON and a 64-bit column hold."""

    def apply(*values: Any) -> Any:
        result = function(*(_number(each) for each in values))
        if (abs(result) >= MAX_NUMBER and isinstance(result, int)) or not math.isfinite(result):
            raise ValueUnfit("the number is too large")
        return result

    return apply


_sum = _numeric(operator.add)


def _add(left: Any, right: Any) -> Any:
    if not (isinstance(left, (str, list)) and type(left) is type(right)):
        return _sum(left, right)
    if len(left) + len(right) > MAX_TEXT:
        raise ValueUnfit(f"the sum would be longer than {MAX_TEXT}")
    return operator.concat(left, right)


OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: _add,
    ast.Sub: _numeric(operator.sub),
    ast.Mult: _numeric(operator.mul),
    ast.Div: _numeric(operator.truediv),
    ast.FloorDiv: _numeric(operator.floordiv),
    ast.Mod: _numeric(operator.mod),
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Gt: operator.gt,
    ast.Lt: operator.lt,
    ast.GtE: operator.ge,
    ast.LtE: operator.le,
    ast.In: lambda left, right: operator.contains(right, left),
    ast.NotIn: lambda left, right: not operator.contains(right, left),
    ast.Not: operator.not_,
    ast.USub: _numeric(operator.neg),
    ast.UAdd: _numeric(operator.pos),
}


class _Evaluation(EvalWithCompoundTypes):  # type: ignore[misc]  # it comes without types
    """One evaluation, with what is left of its work."""

    def __init__(self, names: Mapping[str, Any], now: Callable[[], str] | None, purse: Purse) -> None:
        self.nodes: dict[type[ast.AST], Callable[[Any], Any]]
        super().__init__(operators=dict(OPERATORS), functions={}, names={**ALIASES, **names})
        self.functions = {**FUNCTIONS, **({"now": now} if now else {})}
        known: Mapping[type[ast.AST], Callable[[Any], Any]] = self.nodes
        self.nodes = {node: handler for node, handler in known.items() if node in NODES}
        self._purse = purse
        self._least = max(0, purse.left - MAX_WORK)

    def _eval(self, node: ast.AST) -> Any:
        self._spend(1)
        return self.nodes[type(node)](node)

    def _spend(self, work: int) -> None:
        self._purse.left -= work
        if self._purse.left < self._least:
            raise ExpressionFailed("it costs too much to evaluate")

    def _weigh(self, value: Any) -> Any:
        """Spend what walking through a value costs, before something does."""
        rest = [value]
        while rest:
            each = rest.pop()
            if isinstance(each, (list, dict)):
                self._spend(len(each))
                rest += each.values() if isinstance(each, dict) else each
            elif isinstance(each, str):
                self._spend(len(each) // 100)
        return value

    def _eval_name(self, node: ast.Name) -> Any:
        if node.id not in self.names:
            raise ExpressionFailed(f"there is no variable {node.id!r}")
        return self.names[node.id]

    def _eval_attribute(self, node: ast.Attribute) -> Any:
        return _taken(self._eval(node.value), node.attr)

    def _eval_subscript(self, node: ast.Subscript) -> Any:
        taken = _taken(self._eval(node.value), self._eval(node.slice))
        return self._weigh(taken) if isinstance(node.slice, ast.Slice) else taken

    def _eval_call(self, node: ast.Call) -> Any:
        function = self.functions[node.func.id]  # type: ignore[attr-defined]  # _check lets nothing else through
        return self._weigh(function(*(self._weigh(self._eval(each)) for each in node.args)))

    def _eval_binop(self, node: ast.BinOp) -> Any:
        left, right = self._weigh(self._eval(node.left)), self._weigh(self._eval(node.right))
        return self.operators[type(node.op)](left, right)

    def _eval_compare(self, node: ast.Compare) -> bool:
        left = self._weigh(self._eval(node.left))
        for asked, other in zip(node.ops, node.comparators, strict=True):
            right = self._weigh(self._eval(other))
            if not self.operators[type(asked)](left, right):
                return False
            left = right
        return True


def _taken(value: Any, name: Any) -> Any:
    """Return a member, an item or a part; nothing of an object but what JSON has."""
    match value, name:
        case dict(), str() if name in value:
            return value[name]
        case ((list() | str()), (int() | slice())):
            return value[name]
        case dict(), str():
            blob = "; the value is in blob storage, and can only be handed on whole" if BLOB in value else ""
            raise ExpressionFailed(f"there is no member {name!r}{blob}")
        case _:
            raise ExpressionFailed(f"{kind(value)} has no member {name!r}")
