"""The workflows that this process knows, by slug and version."""

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

SLUG = re.compile(r"[-a-zA-Z0-9_]{1,100}")

WorkflowFunction = Callable[[Any, Any], Awaitable[Any]]
F = TypeVar("F", bound=WorkflowFunction)
_known: dict[tuple[str, int], "Registered"] = {}
_latest: dict[str, "Registered"] = {}


class DefinitionClash(Exception):
    """Two functions claim one slug and version, or a registration can't work at all."""

    code = "definition_clash"


@dataclass(frozen=True, slots=True)
class Registered:
    """One version of a workflow. `function` takes the context and the payload."""

    slug: str
    version: int
    function: WorkflowFunction


def workflow(slug: str, *, version: int = 1) -> Callable[[F], F]:
    """Register an async function of (context, payload) under a slug and a version.

    Raises:
        DefinitionClash: another function has that slug and version, or this one is not a coroutine function.
    """

    def register(function: F) -> F:
        _add(Registered(slug, version, function))
        return function

    return register


def get(slug: str, version: int) -> Registered | None:
    return _known.get((slug, version))


def latest(slug: str) -> Registered | None:
    """Return the highest version of a slug; new instances are pinned to it."""
    return _latest.get(slug)


def slugs() -> list[str]:
    return sorted(_latest)


def _add(registered: Registered) -> None:
    slug, version, function = registered.slug, registered.version, registered.function
    if not SLUG.fullmatch(slug):
        raise DefinitionClash(f"{slug!r} is no slug: 1 to 100 of a-z A-Z 0-9 - _")
    if not inspect.iscoroutinefunction(function):
        raise DefinitionClash(f"{slug}: a workflow is an `async def` over (ctx, payload)")
    known = _known.get((slug, version))
    if known is not None and _name(known.function) != _name(function):
        raise DefinitionClash(f"{slug} version {version} is {_name(known.function)} and {_name(function)}")
    _known[slug, version] = registered
    if slug not in _latest or version >= _latest[slug].version:
        _latest[slug] = registered


def _name(function: WorkflowFunction) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', repr(function))}"
