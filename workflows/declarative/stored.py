"""Definitions that are kept: have the registry know the versions that instances are pinned to."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import structlog

from workflows import conf, registry
from workflows.declarative import interpreter, schema
from workflows.models import DefinitionVersion
from workflows.registry import DefinitionClash, Registered

log = structlog.get_logger(__name__)

# What each number of a definition's interpreter means, for as long as instances are pinned to it.
INTERPRETERS: dict[int, Callable[..., Any]] = {1: interpreter.run}
WANTED = """
SELECT v.* FROM workflows_definitionversion v
JOIN unnest(%s::text[], %s::int[]) AS wanted (slug, number) ON v.definition_id = slug AND v.number = wanted.number"""


def learn(pairs: Iterable[tuple[str, int]]) -> None:
    """Load the versions that the registry does not know, in one query, so that their instances can run.

    A version that this process can't interpret is left out: its instances wait with a notice for one that can.
    Slugs that code registers are asked about once, since a declared one of the same name must not run as code.

    Raises:
        django.db.Error: the database does not answer.
    """
    wanted = sorted({pair for pair in pairs if not registry.settled(*pair)})
    if not wanted:
        return
    slugs, numbers = zip(*wanted, strict=True)
    for row in DefinitionVersion.objects.raw(WANTED, [list(slugs), list(numbers)]):
        _register(row)
    registry.settle(wanted)


def keep() -> int:
    """Return how many versions to keep at hand; at least those that one claim may bring."""
    return max(conf.current().max_declared, conf.current().group_instances)


def _register(row: DefinitionVersion) -> None:
    run = INTERPRETERS.get(row.interpreter_version)
    slug, number = row.definition_id, row.number
    if run is None:
        log.warning("workflows.interpreter_absent", definition=slug, version=number, wanted=row.interpreter_version)
        return
    try:
        function = functools.partial(run, document=schema.parse(row.document))
        registry.declare(Registered(slug, number, function), keep())
    except DefinitionClash as clash:
        log.warning("workflows.definition_clash", definition=slug, version=number, error=str(clash))
    except (msgspec.ValidationError, KeyError, TypeError, AttributeError) as error:
        log.warning("workflows.definition_unreadable", definition=slug, version=number, error=str(error))
