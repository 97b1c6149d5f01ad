"""Find instances wherever they are: the entry in the buffer first, then the row.

An entry leaves the buffer after its row is committed, so in this order an accepted id is never found in neither.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from mollifier import buffer
from mollifier.decision import Scope
from mollifier.entry import Entry
from mollifier.errors import MollifierError
from workflows import eventlog
from workflows.fence import StoredEvent
from workflows.intake import narrowing, view
from workflows.intake.directory import Env
from workflows.intake.narrowing import Narrowed
from workflows.intake.view import BUFFERED, InstanceView
from workflows.models import Instance
from workflows.states import FINISHED, Status

# Looked at in the buffer for one page.
MAX_ENTRIES = 1_000
# What an entry can be shown as; other statuses are only found in rows.
ENTRY_STATUSES = frozenset({None, BUFFERED, Status.CANCELLED.value, Status.PAUSED.value})

SELECT = f"""
SELECT {view.COLUMNS} FROM workflows_instance i
LEFT JOIN workflows_event first ON first.instance_id = i.id AND first.seq = 1
LEFT JOIN workflows_event last ON last.instance_id = i.id AND last.seq = i.last_seq AND i.status = 'completed'
WHERE i.env_id = %s"""  # noqa: S608


class LookupUnavailable(Exception):
    """It is no row, and the buffer that may hold it does not answer."""

    code = "buffer_unavailable"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list holds; all that are given must agree. `since` compares the time of acceptance."""

    status: str | None = None
    definition: str | None = None
    tag: str | None = None
    since: datetime | None = None
    search: Narrowed | None = None

    @property
    def wanted(self) -> str | None:
        """Return the only status that can hold, where there is only one."""
        return self.status or (self.search.sole_status if self.search else None)

    @property
    def may_be_buffered(self) -> bool:
        return self.status in ENTRY_STATUSES and (
            self.search is None or narrowing.is_buffered(self.search.filter.statuses)
        )

    def admits(self, instance: InstanceView) -> bool:
        return (
            self.status in (None, instance.status)
            and self.definition in (None, instance.definition)
            and (self.tag is None or self.tag in instance.tags)
            and (self.since is None or instance.accepted_at >= self.since)
            and (self.search is None or narrowing.admits(self.search, instance))
        )


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, newest id first. `complete` is false when the buffer did not answer and only rows are here."""

    data: tuple[InstanceView, ...]
    next_cursor: UUID | None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Log:
    """Events of one instance after a number, and the log's tail; a buffered instance has none yet."""

    events: tuple[StoredEvent, ...]
    last_seq: int


@dataclass(frozen=True, slots=True)
class _Buffered:
    """Entries of one page. `floor` is the last id looked at where the search ended early."""

    views: tuple[InstanceView, ...] = ()
    floor: UUID | None = None
    reachable: bool = True


def scope_of(env: Env) -> Scope:
    return Scope(str(env.org.id), str(env.id))


def find(env: Env, id_: UUID) -> InstanceView | None:
    """Return an instance of this environment; a superseded one is answered by the one that owns its key.

    Raises:
        LookupUnavailable: there is no row and the buffer does not answer.
    """
    return find_many(env, [id_]).get(id_)


def find_many(env: Env, ids: Sequence[UUID]) -> dict[UUID, InstanceView]:
    """Return those of these instances that this environment has; see `find`."""
    entries, reachable = _entries(env, ids)
    found = {id_: view.from_entry(env, entry) for id_, entry in entries.items()}
    missing = [id_ for id_ in ids if id_ not in found]
    if missing:
        found |= find_rows(env, missing)
    if not reachable and len(found) < len(set(ids)):
        raise LookupUnavailable
    return found


def find_rows(env: Env, ids: Sequence[UUID]) -> dict[UUID, InstanceView]:
    """Return those of these instances that are rows, following the superseded to their owners."""
    rows = {row.id: row for row in _select(env, " AND i.id = ANY (%s)", [list(ids)])}
    owners = {row.superseded_by for row in rows.values() if row.superseded_by is not None}
    if owners:
        known = {row.id: row for row in _select(env, " AND i.id = ANY (%s)", [list(owners)])}
        rows = {id_: known.get(row.superseded_by, row) if row.superseded_by else row for id_, row in rows.items()}
    return rows


def is_row(env: Env, id_: UUID) -> bool:
    """Tell whether this environment has a row of this id."""
    return Instance.objects.filter(id=id_, env_id=env.id).exists()


def read_log(env: Env, id_: UUID, after: int = 0, limit: int | None = None) -> Log | None:
    """Return the events of an instance of this environment, or None where there is no such instance."""
    found = find(env, id_)
    if found is None:
        return None
    return Log(tuple(eventlog.read(found.id, after, limit)) if found.last_seq else (), found.last_seq)


def listing(env: Env, filters: Filters = Filters(), cursor: UUID | None = None, limit: int = 50) -> Page:
    """Return instances below the cursor, newest first, buffered ones in their place; a row beats its entry."""
    buffered = _search_buffer(env, filters, cursor, limit + 1)
    rows = _search_rows(env, filters, cursor, buffered.floor, limit + 1)
    if filters.wanted == BUFFERED and buffered.views:
        started = find_rows(env, [each.id for each in buffered.views])
        merged = {each.id: each for each in buffered.views if each.id not in started}
    else:
        merged = {each.id: each for each in (*buffered.views, *rows)}
    data = sorted(merged.values(), key=lambda each: each.id, reverse=True)
    next_cursor = data[limit - 1].id if len(data) > limit else buffered.floor
    return Page(tuple(data[:limit]), next_cursor, buffered.reachable)


def _entries(env: Env, ids: Sequence[UUID]) -> tuple[dict[UUID, Entry], bool]:
    try:
        return {entry.id: entry for entry in buffer.read_many(scope_of(env), ids)}, True
    except MollifierError:
        return {}, False


def _search_buffer(env: Env, filters: Filters, cursor: UUID | None, wanted: int) -> _Buffered:
    if not filters.may_be_buffered:
        return _Buffered()
    views: list[InstanceView] = []
    looked_at, weight, before = 0, 0, cursor
    try:
        while len(views) < wanted:
            if looked_at >= MAX_ENTRIES or weight >= buffer.LISTED_BYTES:
                return _Buffered(tuple(views), floor=before)
            entries = buffer.newest(scope_of(env), before, wanted)
            views += [each for each in (view.from_entry(env, entry) for entry in entries) if filters.admits(each)]
            weight += buffer.weigh(entries)
            if len(entries) < wanted and weight < buffer.LISTED_BYTES:
                break
            looked_at, before = looked_at + len(entries), entries[-1].id
    except MollifierError:
        return _Buffered(reachable=False)
    return _Buffered(tuple(views))


def _search_rows(
    env: Env, filters: Filters, cursor: UUID | None, floor: UUID | None, wanted: int
) -> Iterable[InstanceView]:
    if filters.wanted == BUFFERED:
        return []
    condition, values = conditions(filters, cursor, floor)
    return _select(env, f" AND {condition} ORDER BY i.id DESC LIMIT %s", [*values, wanted])


def conditions(filters: Filters, below: UUID | None = None, floor: UUID | None = None) -> tuple[str, list[Any]]:
    """Return what a row of workflows_instance `i` must be to stand in a list, and the parameters."""
    asked = {
        "i.id < %s": below,
        "i.id >= %s": floor,
        "i.status = %s": filters.status,
        "i.definition = %s": filters.definition,
        "i.tags @> ARRAY[%s]::varchar[]": filters.tag,
        "i.accepted_at >= %s": filters.since,
    }
    given = {condition: value for condition, value in asked.items() if value is not None}
    searched, values = narrowing.where(filters.search) if filters.search else ("TRUE", [])
    if filters.status is not None and filters.status not in FINISHED:
        searched = f"i.finished_at IS NULL AND {searched}"
    return " AND ".join([*given, searched]), [*given.values(), *values]


def _select(env: Env, condition: str, parameters: Sequence[Any]) -> list[InstanceView]:
    with connection.cursor() as cursor:
        cursor.execute(SELECT + condition, [env.id, *parameters])
        return [view.from_row(env, row) for row in cursor.fetchall()]
