"""The actions that this process knows, by name. An `actions` module of every installed app is found at start."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from workflows.actions import checking, switches
from workflows.actions.call import ActionCall, Arguments
from workflows.steps import NAME

A = TypeVar("A", bound=Arguments)
F = TypeVar("F", bound=Callable[[Any], Any])
_known: dict[str, "Action"] = {}


class ActionClash(Exception):
    """Two functions claim one name, or a registration can't work at all."""

    code = "action_clash"


@dataclass(frozen=True, slots=True)
class Action:
    """A registered action. `retries` and `timeout_seconds` hold where a definition says nothing."""

    name: str
    function: Callable[[ActionCall[Any]], Any]
    arguments: type[Arguments]
    retries: int = 0
    timeout_seconds: float | None = None

    @property
    def does(self) -> str:
        """Return the first line of its docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]


def action(
    name: str, *, arguments: type[A], retries: int = 0, timeout_seconds: float | None = None
) -> Callable[[Callable[[ActionCall[A]], Any]], Callable[[ActionCall[A]], Any]]:
    """Register a plain function of an ActionCall that returns JSON; `arguments` is what it takes.

    A field of the type Secret stays wrapped until the action reveals it.

    Raises:
        ActionClash: another function has that name, or this one can't be an action.
    """

    def register(function: Callable[[ActionCall[A]], Any]) -> Callable[[ActionCall[A]], Any]:
        _add(Action(name, function, arguments, retries, timeout_seconds))
        return function

    return register


def names() -> frozenset[str]:
    return frozenset(_known)


def get(name: str) -> Action | None:
    return _known.get(name)


def known() -> list[Action]:
    """Return all of them by name."""
    return [_known[name] for name in sorted(_known)]


def check(name: str, arguments: object) -> list[tuple[str, str]]:
    """Return what is wrong with the arguments of a definition, each with its JSON pointer.

    Templates, secrets and blobs are taken to be right: what they come to is checked when the action runs.
    """
    found = get(name)
    if found is None:
        return [("", f"there is no action {name!r}; known are {', '.join(sorted(_known))}")]
    return checking.check(found.arguments, arguments)


def disabled() -> Mapping[str, str]:
    """Return the actions that an operator switched off, with the reason; at most a second old."""
    return switches.disabled()


def _add(made: Action) -> None:
    if not NAME.fullmatch(made.name):
        raise ActionClash(f"{made.name!r} is no name of an action: 1 to 100 of a-z A-Z 0-9 - _ .")
    if inspect.iscoroutinefunction(made.function):
        raise ActionClash(f"{made.name}: an action is a plain function; it runs in a thread of the pump")
    if not issubclass(made.arguments, Arguments):
        raise ActionClash(f"{made.name}: arguments must be a class derived from Arguments")
    if made.retries < 0 or (made.timeout_seconds is not None and made.timeout_seconds <= 0):
        raise ActionClash(f"{made.name}: retries can't be negative, and a time-out must be positive")
    before = _known.get(made.name)
    if before is not None and _place(before) != _place(made):
        raise ActionClash(f"action {made.name} is {_place(before)} and {_place(made)}")
    _known[made.name] = made


def _place(each: Action) -> str:
    return f"{each.function.__module__}.{getattr(each.function, '__qualname__', repr(each.function))}"
