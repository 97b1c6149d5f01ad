"""A page of the instance list: bounded by keys, never counted, buffered ones in their place where one env is chosen."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import OperationalError, connection, transaction

from workflows.intake import cursor, lookup, refresher
from workflows.intake.cursor import Cursor, CursorInvalid
from workflows.intake.directory import Env
from workflows.intake.lookup import Filters
from workflows.intake.view import BUFFERED
from workflows.models import Instance
from workflows.states import Status

PER_PAGE = 50
# A filter that no index serves is given up after this time, with a word to the operator.
PATIENCE_MS = 2_000
ROWS = f"SELECT i.* FROM workflows_instance i WHERE {{}} {lookup.ORDER} LIMIT %s"  # noqa: S608
STATUSES = (BUFFERED, *(status.value for status in Status))


@dataclass(frozen=True, slots=True)
class Line:
    """One instance of the list."""

    id: UUID
    definition: str
    version: int
    status: str
    env_id: UUID
    tenant: str
    accepted_at: datetime
    finished_at: datetime | None
    tags: tuple[str, ...]
    error_code: str | None

    @property
    def seconds(self) -> float | None:
        """How long it took from acceptance to its end."""
        return (self.finished_at - self.accepted_at).total_seconds() if self.finished_at else None


@dataclass(frozen=True, slots=True)
class Part:
    """What one page shows. `gave_up`: the filter was too wide; not `complete`: the buffer did not answer."""

    lines: tuple[Line, ...]
    older: Cursor | None = None
    complete: bool = True
    gave_up: bool = False


def place(text: str) -> Cursor | None:
    """Read where a page begins; what is none begins at the top."""
    try:
        return cursor.read(text)
    except CursorInvalid:
        return None


def read(env: Env | None, filters: Filters, before: Cursor | None, limit: int | None = None) -> Part:
    """Read one page, newest first."""
    try:
        with transaction.atomic():
            with connection.cursor() as database:
                database.execute("SET LOCAL statement_timeout = %s", [PATIENCE_MS])
            return read_env(env, filters, before, limit) if env else read_all(filters, before, limit)
    except OperationalError:
        return Part((), gave_up=True)


def read_env(env: Env, filters: Filters, before: Cursor | None, limit: int | None = None) -> Part:
    """Read one environment's page, buffered instances included."""
    page = lookup.listing(env, filters, before, limit or PER_PAGE)
    lines = tuple(
        Line(
            id=each.id,
            definition=each.definition,
            version=each.version,
            status=each.status,
            env_id=each.env_id,
            tenant=f"{each.org}/{each.env}",
            accepted_at=each.accepted_at,
            finished_at=each.finished_at,
            tags=each.tags,
            error_code=each.error.code if each.error else None,
        )
        for each in page.data
    )
    return Part(lines, page.next_cursor, page.complete)


def read_all(filters: Filters, before: Cursor | None, limit: int | None = None) -> Part:
    """Read rows of every tenant; what is buffered is on the Buffer page."""
    condition, values = lookup.conditions(filters, before)
    limit = limit or PER_PAGE
    lines = list(as_lines(Instance.objects.raw(ROWS.format(condition), [*values, limit + 1])))
    last = lines[limit - 1] if len(lines) > limit else None
    return Part(tuple(lines[:limit]), Cursor(last.accepted_at, last.id) if last else None)


def as_lines(rows: Iterable[Instance]) -> Iterable[Line]:
    envs = refresher.current().envs
    for row in rows:
        env = envs.get(row.env_id)
        yield Line(
            id=row.id,
            definition=row.definition,
            version=row.version,
            status=row.status,
            env_id=row.env_id,
            tenant=f"{env.org.slug}/{env.slug}" if env else str(row.env_id),
            accepted_at=row.accepted_at,
            finished_at=row.finished_at,
            tags=tuple(row.tags),
            error_code=row.error_code,
        )


def estimate() -> int | None:
    """Return about how many rows there are, from the planner's statistics; None before they were first gathered."""
    with connection.cursor() as database:
        database.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = 'workflows_instance'::regclass")
        (rows,) = database.fetchone()
    return rows if rows >= 0 else None
