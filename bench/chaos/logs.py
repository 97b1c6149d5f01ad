"""Reads rows and logs of instances, for the judge."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from bench.chaos.checker import Log
from workflows import eventlog
from workflows.models import Instance

COLUMNS = (
    "id",
    "org_id",
    "env_id",
    "root_id",
    "depth",
    "definition",
    "version",
    "status",
    "shard",
    "last_seq",
    "created_at",
    "finished_at",
    "error_code",
)
BATCH = 100


def read(ids: Sequence[UUID]) -> Iterator[Log]:
    """Yield the log of each instance that exists, a batch in memory at a time."""
    for start in range(0, len(ids), BATCH):
        rows = Instance.objects.filter(id__in=ids[start : start + BATCH]).values(*COLUMNS)
        events = eventlog.read_many(dict.fromkeys([row["id"] for row in rows], 0))
        for row in rows:
            yield Log(**row, events=tuple(events[row["id"]]))


def unfinished(ids: Sequence[UUID]) -> int:
    """Count those that have not finished, or are not there at all."""
    return len(ids) - Instance.objects.filter(id__in=ids, finished_at__isnull=False).count()
