"""What became of every accepted id, read from the tables in bounded pieces."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from workflows.load.tally import Acceptance, Tally
from workflows.models import Event, Instance
from workflows.states import EventType, Status

CHUNK = 1000
POLL_SECONDS = 0.2
TERMINAL = (EventType.COMPLETED, EventType.FAILED, EventType.CANCELLED)


@dataclass(slots=True)
class Verdict:
    """Of the accepted ids: `lost` have no instance, `unfinished` have one that has not ended, `failed` ended otherwise.

    `duplicates` are instances too many: superseded by another of the same key, with a log that was begun or ended
    twice, or of this run and named by no answer. `drained` of the buffered ids have a row, the last one since
    `drained_at`; the last end was at `finished_at`.
    """

    completed: int = 0
    failed: int = 0
    unfinished: int = 0
    lost: int = 0
    duplicates: int = 0
    drained: int = 0
    drained_at: datetime | None = None
    finished_at: datetime | None = None
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def sound(self) -> bool:
        return not (self.failed or self.unfinished or self.lost or self.duplicates)


def wait(ids: Sequence[UUID], *, patience_seconds: float, on_finished: Callable[[int], object]) -> None:
    """Return when every id has ended, or when none has for `patience_seconds`; asks for at most CHUNK ids at once.

    A database that is away meanwhile is asked again; a load that is sent during an outage is told its end.
    """
    waiting = deque(ids)
    last_end = time.monotonic()
    while waiting and time.monotonic() - last_end < patience_seconds:
        asked = [waiting.popleft() for _ in range(min(CHUNK, len(waiting)))]
        ended = ended_of(asked)
        waiting.extend(each for each in asked if each not in ended)
        if ended:
            last_end = time.monotonic()
            on_finished(len(ended))
        if len(ended) < len(asked):
            time.sleep(POLL_SECONDS)


def ended_of(ids: Sequence[UUID]) -> set[UUID]:
    try:
        return set(Instance.objects.filter(id__in=ids, finished_at__isnull=False).values_list("id", flat=True))
    except (OperationalError, InterfaceError):
        connection.close()
        return set()


def judge(tally: Tally, run: str) -> Verdict:
    """Read the row of every accepted id, and how often its log begins and ends."""
    verdict = Verdict()
    named_of_run = 0
    for ids in pieces(sorted(tally.accepted)):
        columns = Instance.objects.filter(id__in=ids).values_list("id", "status", "tags", "created_at", "finished_at")
        rows = {row[0]: row[1:] for row in columns}
        begun, ended = read_logs(ids)
        for each in ids:
            if each not in rows:
                verdict.lost += 1
                continue
            status, tags, created_at, finished_at = rows[each]
            named_of_run += run in tags
            if tally.accepted[each] is Acceptance.BUFFERED:
                verdict.drained += 1
                verdict.drained_at = latest(verdict.drained_at, created_at)
            verdict.finished_at = latest(verdict.finished_at, finished_at)
            judge_one(verdict, status, begun[each], ended[each])
    verdict.duplicates += Instance.objects.filter(tags__contains=[run]).count() - named_of_run
    return verdict


def judge_one(verdict: Verdict, status: str, begun: int, ended: int) -> None:
    verdict.statuses[status] += 1
    if status == Status.SUPERSEDED or begun != 1 or ended > 1:
        verdict.duplicates += 1
    elif status == Status.COMPLETED and ended:
        verdict.completed += 1
    elif ended:
        verdict.failed += 1
    else:
        verdict.unfinished += 1


def read_logs(ids: Sequence[UUID]) -> tuple[Counter[UUID], Counter[UUID]]:
    """Count the beginnings and the ends in each log."""
    begun: Counter[UUID] = Counter()
    ended: Counter[UUID] = Counter()
    events = Event.objects.filter(instance_id__in=ids, type__in=(EventType.CREATED, *TERMINAL))
    for instance_id, kind in events.values_list("instance_id", "type"):
        (begun if kind == EventType.CREATED else ended)[instance_id] += 1
    return begun, ended


def latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)


def pieces(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
