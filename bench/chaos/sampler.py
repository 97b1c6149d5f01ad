"""A process that looks at the live backlog of an environment: `python -m bench.chaos.sampler` answers {"begin", "end"}.

Each look names the entries of the buffer first and the rows then, and counts an id once: what is drained in between is
in one of them at least. It is a count of its own, that shares no statement with the damper.
"""

import statistics
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import django

from bench.peers.answering import answer

EVERY_SECONDS = 0.05
# What took longer may have seen an entry that has become a row and ended meanwhile, so it is no evidence.
TOO_LONG_SECONDS = 1.0
MOST_ENTRIES, MOST_ROWS = 1_000, 10_000
LIVE = """
SELECT definition, event_type, id FROM workflows_instance
WHERE org_id = %s AND env_id = %s AND event_type IS NOT NULL AND finished_at IS NULL AND status <> 'paused' LIMIT %s"""

Named = tuple[str, str, UUID]


def main() -> None:
    django.setup()
    watcher = Watcher()
    answer({"begin": watcher.begin, "end": watcher.end}, "sampler")


@dataclass
class Seen:
    """The largest backlog of a group, of which so many were buffered; `full_at` is when it was first at the limit."""

    most: int = 0
    most_buffered: int = 0
    full_at: float | None = None

    def add(self, size: int, buffered: int, limit: int, at: float) -> None:
        self.most, self.most_buffered = max(self.most, size), max(self.most_buffered, buffered)
        if self.full_at is None and size >= limit:
            self.full_at = at


@dataclass
class Looks:
    """What all looks saw."""

    limit: int
    groups: dict[str, Seen] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    retaken: int = 0

    def add(self, entries: Sequence[Named], rows: Sequence[Named], began: float, ended: float) -> None:
        """Count one look by group, unless it took too long."""
        self.took.append(ended - began)
        if ended - began > TOO_LONG_SECONDS:
            self.retaken += 1
            return
        buffered, live = grouped(entries), grouped([*entries, *rows])
        for group, ids in live.items():
            seen = self.groups.setdefault(group, Seen())
            seen.add(len(ids), len(buffered.get(group, ())), self.limit, ended)

    def as_dict(self) -> dict[str, Any]:
        took = self.took or [0.0]
        return {
            "groups": {name: vars(seen) for name, seen in self.groups.items()},
            "looks": len(self.took),
            "retaken": self.retaken,
            "look_ms": round(statistics.median(took) * 1000, 1),
            "longest_look_ms": round(max(took) * 1000, 1),
        }


def grouped(found: Iterable[Named]) -> dict[str, set[UUID]]:
    """Return the ids of each group, each once."""
    groups: dict[str, set[UUID]] = {}
    for definition, type_, id_ in found:
        groups.setdefault(f"{definition} {type_}", set()).add(id_)
    return groups


class Watcher:
    """Looks every 50 ms from `begin` to `end`."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.looks = Looks(0)
        self.thread: threading.Thread | None = None

    def begin(self, org: str, env: str, limit: int) -> None:
        self.over.clear()
        self.looks = Looks(limit)
        self.thread = threading.Thread(target=self._watch, args=(UUID(org), UUID(env)))
        self.thread.start()

    def end(self) -> dict[str, Any]:
        """Stop looking; return what was seen."""
        self.over.set()
        if self.thread is not None:
            self.thread.join()
        return self.looks.as_dict()

    def _watch(self, org: UUID, env: UUID) -> None:
        from django.db import connection  # noqa: PLC0415

        due = time.time()
        try:
            while not self.over.is_set():
                began = time.time()
                entries = buffered(org, env)
                rows = live(org, env)
                self.looks.add(entries, rows, began, time.time())
                due = max(due + EVERY_SECONDS, time.time())
                self.over.wait(max(0.0, due - time.time()))
        finally:
            connection.close()


def buffered(org: UUID, env: UUID) -> list[Named]:
    """Name the entries that come from events."""
    from mollifier import pages  # noqa: PLC0415 - they read the settings
    from mollifier.decision import Scope  # noqa: PLC0415
    from mollifier.entry import Entry  # noqa: PLC0415
    from workflows import snapshot  # noqa: PLC0415

    scope, entries = Scope(str(org), str(env)), list[Entry]()
    part = pages.newest(scope, None, MOST_ENTRIES)
    while part.before is not None and len(entries) < MOST_ENTRIES:
        entries += part.entries
        part = pages.newest(scope, part.before, MOST_ENTRIES)
    found = [snapshot.decode(entry.snapshot) for entry in (*entries, *part.entries)]
    return [(each.definition, each.event_type, each.id) for each in found if each.event_type]


def live(org: UUID, env: UUID) -> list[Named]:
    """Name the rows that are live and come from events."""
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(LIVE, [org, env, MOST_ROWS])
        return list(cursor.fetchall())


if __name__ == "__main__":
    main()
