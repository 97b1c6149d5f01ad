"""The workflows that this process knows, by slug and version: those in code, and declared ones it has learned."""

import inspect
import re
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

SLUG = re.compile(r"[-a-zA-Z0-9_]{1,100}")

WorkflowFunction = Callable[[Any, Any], Awaitable[Any]]
F = TypeVar("F", bound=WorkflowFunction)
_known: dict[tuple[str, int], "Registered"] = {}
_latest: dict[str, "Registered"] = {}
# Loaded as instances come that are pinned to them; those used longest ago go first. A pump's threads share them.
_declared: OrderedDict[tuple[str, int], "Registered"] = OrderedDict()
_lock = threading.Lock()
# Versions in code that no stored definition contradicts, and slugs that code and a stored definition both claim.
_confirmed: set[tuple[str, int]] = set()
_clashing: set[str] = set()


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
    """Return what an instance of that version runs; None when it is absent, or when code and a declared one clash."""
    if slug in _clashing:
        return None
    if (slug, version) in _known:
        return _known[slug, version]
    with _lock:
        if found := _declared.get((slug, version)):
            _declared.move_to_end((slug, version))
        return found


def latest(slug: str) -> Registered | None:
    """Return the highest version of a slug in code; new instances are pinned to it."""
    return _latest.get(slug)


def slugs() -> list[str]:
    """Return the slugs that code registers."""
    return sorted(_latest)


def declare(registered: Registered, keep: int) -> None:
    """Learn a declared version, and forget those used longest ago beyond `keep`.

    Raises:
        DefinitionClash: code registers this slug; nothing of it runs here until one of the two has another name.
    """
    if registered.slug in _latest:
        _clashing.add(registered.slug)
        raise DefinitionClash(f"{registered.slug} is registered in code and declared; rename one of the two")
    with _lock:
        _declared[registered.slug, registered.version] = registered
        _declared.move_to_end((registered.slug, registered.version))
        while len(_declared) > keep:
            _declared.popitem(last=False)


def settled(slug: str, version: int) -> bool:
    """Tell whether the store need not be asked about a version: it is declared, confirmed, or clashes."""
    return (slug, version) in _declared or (slug, version) in _confirmed or slug in _clashing


def settle(asked: Iterable[tuple[str, int]]) -> None:
    """Keep in mind that the store was asked about these; of what is not in code it will be asked again."""
    _confirmed.update(pair for pair in asked if pair in _known)


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
