"""A search brought down to where it looks: SQL for rows, the same asked of what is buffered, in one place.

Whoever shows it bounds it: a page has a LIMIT below a key, and `patience` gives up what no index serves.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, transaction

from workflows import conf, search
from workflows.intake.directory import Env
from workflows.intake.view import BUFFERED, InstanceView
from workflows.search import Filter, SearchInvalid, Term
from workflows.states import FINISHED

# Each is true of a row, with the values as one array; only `event_type` may be null.
CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "definition": "i.definition = ANY (%s::text[])",
        "status": "i.status = ANY (%s::text[])",
        "tag": "i.tags && %s::varchar[]",
        "shard": "i.shard = ANY (%s::int[])",
        "source": "i.source = ANY (%s::text[])",
        "event": "coalesce(i.event_type = ANY (%s::text[]), FALSE)",
        "id": "i.id = ANY (%s::uuid[])",
    }
)
CANCELLED = "57014"


class SearchTooWide(Exception):
    """No index serves the search, and its time is over."""

    code = "search_too_wide"


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A filter with its environments found and its ages counted from `at`. `env_ids` None: every environment."""

    filter: Filter
    at: datetime
    env_ids: tuple[UUID, ...] | None = None

    @property
    def sole_status(self) -> str | None:
        """Return the only status that can hold, where there is only one."""
        statuses = self.filter.statuses
        return next(iter(statuses)) if len(statuses) == 1 else None

    def wants(self, env: Env) -> bool:
        return self.env_ids is None or env.id in self.env_ids


def resolve(found: Filter, envs: Iterable[Env], at: datetime | None = None, *, everywhere: bool = False) -> Narrowed:
    """Look up the environments that a filter names among `envs`; `everywhere` says that those are all there are.

    Raises:
        SearchInvalid: it names an organization or environment that is none of these.
    """
    envs = tuple(envs)
    moment = at or datetime.now(UTC)
    named = list(found.of("org", "env"))
    left = envs
    for term in named:
        meant = {env.id for value in term.values for env in _named(term, value, envs)}
        left = tuple(env for env in left if (env.id in meant) != term.excluded)
    return Narrowed(found, moment, None if everywhere and not named else tuple(env.id for env in left))


def _named(term: Term, value: str, envs: Iterable[Env]) -> Iterable[Env]:
    if term.qualifier == "org":
        found = [env for env in envs if env.org.slug == value]
        fix = "write the slug of an organization that you can see"
    else:
        found = [env for env in envs if value in (env.slug, f"{env.org.slug}/{env.slug}", str(env.id))]
        fix = "write env:organization/environment"
    if not found:
        raise SearchInvalid(str(term), f"there is no {term.qualifier} {value} here", fix)
    return found


def where(narrowed: Narrowed) -> tuple[str, list[Any]]:
    """Return what must hold of a row of workflows_instance `i`, and its parameters."""
    parts: list[tuple[str, list[Any]]] = []
    if narrowed.env_ids is not None:
        parts.append(("i.env_id = ANY (%s::uuid[])", [list(narrowed.env_ids)]))
    statuses = narrowed.filter.statuses
    if statuses.isdisjoint(FINISHED):
        parts.append(("i.finished_at IS NULL", []))
    parts += [_condition(narrowed, term) for term in narrowed.filter.without("org", "env").terms]
    return " AND ".join(part for part, _ in parts) or "TRUE", [value for _, values in parts for value in values]


def _condition(narrowed: Narrowed, term: Term) -> tuple[str, list[Any]]:
    value: Any = list(term.values)
    if term.qualifier in search.TIMES:
        sign, value = compared(narrowed, term)
        written = f"i.accepted_at {sign} %s"
    elif term.qualifier == "tag" and len(term.values) == 1:
        written = "i.tags @> %s::varchar[]"
    else:
        written = CONDITIONS[term.qualifier]
    return f"NOT ({written})" if term.excluded else written, [value]


def compared(narrowed: Narrowed, term: Term) -> tuple[str, datetime]:
    """Say how the time of acceptance compares; what is older was accepted earlier."""
    (value,) = term.values
    if term.qualifier == "created":
        return term.sign, value
    return ("<" if term.sign == ">" else ">"), narrowed.at - value


def admits(narrowed: Narrowed, instance: InstanceView) -> bool:
    """Say whether an instance, wherever it is, is meant; agrees with `where`."""
    if narrowed.env_ids is not None and instance.env_id not in narrowed.env_ids:
        return False
    return all(
        _holds(narrowed, term, instance) != term.excluded for term in narrowed.filter.without("org", "env").terms
    )


def _holds(narrowed: Narrowed, term: Term, instance: InstanceView) -> bool:
    if term.qualifier in search.TIMES:
        sign, moment = compared(narrowed, term)
        at = instance.accepted_at
        return {">": at > moment, "<": at < moment, ">=": at >= moment, "<=": at <= moment}[sign]
    held = {
        "definition": [instance.definition],
        "status": [instance.status],
        "tag": instance.tags,
        "shard": [instance.shard],
        "source": [instance.source],
        "event": [instance.event_type],
        "id": [instance.id],
    }[term.qualifier]
    return not set(held).isdisjoint(term.values)


@contextmanager
def patience() -> Iterator[None]:
    """Give a search of the rows its time, and no more.

    Raises:
        SearchTooWide: it took longer.
    """
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = %s", [conf.current().search_max_ms])
            yield
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != CANCELLED:
            raise
        raise SearchTooWide("it takes too long; name an environment, or less at a time") from error


def is_buffered(statuses: frozenset[str]) -> bool:
    """Say whether what is buffered may be meant: it is shown as buffered, paused or cancelled."""
    return not statuses.isdisjoint({BUFFERED, "paused", "cancelled"})
