"""Find instances wherever they are: the entry in the buffer first, then the row.

An entry leaves the buffer after its row is committed, so in this order an accepted id is never found in neither.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from typing import Any
from uuid import UUID

from django.db import connection

from mollifier import buffer, pages
from mollifier.decision import Scope
from mollifier.entry import Entry
from mollifier.errors import MollifierError
from workflows import eventlog
from workflows.fence import StoredEvent
from workflows.intake import narrowing, view
from workflows.intake.cursor import Cursor
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
# Backwards as the index of the environment, and that of all, has them.
ORDER = "ORDER BY i.accepted_at DESC, i.id DESC"


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
    """A part of a list, accepted last first. `complete` is false when the buffer did not answer: only rows are here."""

    data: tuple[InstanceView, ...]
    next_cursor: Cursor | None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Log:
    """Events of one instance after a number, and the log's tail; a buffered instance has none yet."""

    events: tuple[StoredEvent, ...]
    last_seq: int


@dataclass(frozen=True, slots=True)
class _Buffered:
    """What waits of one page, in the buffer's order. `floor` is where the search ended, None at the buffer's end.

    Its place is the lowest of all that was looked at, and its sequence the last one's: they may be two entries'.
    """

    views: tuple[InstanceView, ...] = ()
    seqs: Mapping[UUID, int] = field(default_factory=dict)
    floor: Cursor | None = None
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


def listing(env: Env, filters: Filters = Filters(), cursor: Cursor | None = None, limit: int = 50) -> Page:
    """Return instances below the cursor, accepted last first, buffered ones in their place; a row beats its entry."""
    buffered = _search_buffer(env, filters, cursor, limit + 1)
    rows = list(_search_rows(env, filters, cursor, buffered.floor, limit + 1))
    known = {row.id for row in rows}
    if filters.wanted == BUFFERED and buffered.views:
        known = set(find_rows(env, list(buffered.seqs)))
    waiting = [each for each in buffered.views if each.id not in known]
    # The buffer's order is kept as it is: by Redis' clock, and so by a little another one than that of the times shown.
    merged = list(merge(rows, waiting, key=place, reverse=True))
    data = tuple(merged[:limit])
    if len(merged) <= limit:
        return Page(data, buffered.floor, buffered.reachable)
    seq = _above_the_rest(buffered, waiting, {each.id for each in data}, cursor)
    return Page(data, _below(data, seq, cursor), buffered.reachable)


def place(instance: InstanceView) -> tuple[datetime, UUID]:
    """Say where an instance stands in every list."""
    return instance.accepted_at, instance.id


def _below(instances: Iterable[InstanceView], seq: int | None, cursor: Cursor | None) -> Cursor:
    """Return the cursor below all of these, and never above the one before: rows that were shown stay above it."""
    accepted_at, id_ = min((*map(place, instances), *([(cursor.accepted_at, cursor.id)] if cursor else [])))
    return Cursor(accepted_at, id_, seq)


def _above_the_rest(
    buffered: _Buffered, waiting: Sequence[InstanceView], shown: Collection[UUID], cursor: Cursor | None
) -> int | None:
    """Return the sequence below which all stands of the buffer that was not shown yet."""
    left = next((each for each in waiting if each.id not in shown), None)
    if left is not None:
        return buffered.seqs[left.id] + 1
    if buffered.floor is not None:
        return buffered.floor.seq
    if buffered.reachable or cursor is None:
        return 0 if buffered.reachable else None
    return cursor.seq


def _entries(env: Env, ids: Sequence[UUID]) -> tuple[dict[UUID, Entry], bool]:
    try:
        return {entry.id: entry for entry in buffer.read_many(scope_of(env), ids)}, True
    except MollifierError:
        return {}, False


def _search_buffer(env: Env, filters: Filters, cursor: Cursor | None, wanted: int) -> _Buffered:
    if not filters.may_be_buffered or (cursor is not None and cursor.seq == 0):
        return _Buffered()
    views: list[InstanceView] = []
    seqs: dict[UUID, int] = {}
    floor, before = None, cursor.seq if cursor else None
    looked_at, weight = 0, 0
    try:
        while True:
            part = pages.newest(scope_of(env), before, wanted)
            found = [view.from_entry(env, entry) for entry in part.entries]
            views += [each for each in found if filters.admits(each)]
            seqs |= {entry.id: entry.seq for entry in part.entries}
            before = part.before
            if before is None:
                return _Buffered(tuple(views), seqs)
            if found:
                floor = _below(found, before, floor or cursor)
            looked_at, weight = looked_at + wanted, weight + buffer.weigh(part.entries)
            enough = len(views) >= wanted or looked_at >= MAX_ENTRIES or weight >= buffer.LISTED_BYTES
            if enough and floor is not None:
                return _Buffered(tuple(views), seqs, floor)
    except MollifierError:
        return _Buffered(reachable=False)


def _search_rows(
    env: Env, filters: Filters, cursor: Cursor | None, floor: Cursor | None, wanted: int
) -> Iterable[InstanceView]:
    if filters.wanted == BUFFERED:
        return []
    condition, values = conditions(filters, cursor, floor)
    return _select(env, f" AND {condition} {ORDER} LIMIT %s", [*values, wanted])


def conditions(filters: Filters, below: Cursor | None = None, floor: Cursor | None = None) -> tuple[str, list[Any]]:
    """Return what a row of workflows_instance `i` must be to stand in a list, and the parameters."""
    asked: dict[str, tuple[Any, ...]] = {
        "(i.accepted_at, i.id) < (%s, %s)": (below.accepted_at, below.id) if below else (),
        "(i.accepted_at, i.id) >= (%s, %s)": (floor.accepted_at, floor.id) if floor else (),
        "i.status = %s": (filters.status,),
        "i.definition = %s": (filters.definition,),
        "i.tags @> ARRAY[%s]::varchar[]": (filters.tag,),
        "i.accepted_at >= %s": (filters.since,),
    }
    given = {condition: values for condition, values in asked.items() if values and values != (None,)}
    searched, values = narrowing.where(filters.search) if filters.search else ("TRUE", [])
    if filters.status is not None and filters.status not in FINISHED:
        searched = f"i.finished_at IS NULL AND {searched}"
    return " AND ".join([*given, searched]), [*(each for some in given.values() for each in some), *values]


def _select(env: Env, condition: str, parameters: Sequence[Any]) -> list[InstanceView]:
    with connection.cursor() as cursor:
        cursor.execute(SELECT + condition, [env.id, *parameters])
        return [view.from_row(env, row) for row in cursor.fetchall()]
