"""Walk a table by ranges of ids, each batch a transaction that looks at a bounded number of rows.

Where a walk is, is told by the rows themselves: what was done is not found again, so a repeat of a walk that was
interrupted or killed goes on, and does nothing twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from workflows import audit, conf

FIRST = UUID(int=0)
# Rows that others hold are passed over; they are looked for again this often.
PASSES = 3


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction did. `after` is where the next one goes on; None: there is nothing left.

    `busy` counts rows that somebody else held, which were left for another pass.
    """

    done: int
    after: UUID | None
    busy: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """What a walk came to. `stopped`: it was asked to end; `capped`: it used up its batches."""

    done: int = 0
    busy: int = 0
    batches: int = 0
    after: UUID | None = None
    stopped: bool = False

    def __add__(self, other: "Tally") -> "Tally":
        """Join two walks of one act; where the first of them ended early is where the act did."""
        return Tally(
            self.done + other.done,
            self.busy + other.busy,
            self.batches + other.batches,
            self.after or other.after,
            self.stopped or other.stopped,
        )

    @property
    def capped(self) -> bool:
        return self.after is not None and not self.stopped

    @property
    def complete(self) -> bool:
        return self.after is None and not self.busy and not self.stopped


Take = Callable[[UUID], Batch]


def never() -> bool:
    return False


def quiet(_done: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How to walk. `record` is the audit record that counts; `told` hears how many each batch did.

    A `take` of one statement is a transaction by itself; with `one_statement` it is spared one around it, and counts.
    """

    record: int | None = None
    stop: Callable[[], bool] = never
    told: Callable[[int], None] = quiet
    most: int | None = None
    one_statement: bool = False


def walk(take: Take, how: Walk, after: UUID = FIRST) -> Tally:
    """Call `take` with where to go on, each time in a transaction of its own, until nothing is left.

    It ends early when it is asked to stop, or after `most` batches (by default the setting's); the tally says where.
    """
    left = conf.current().cleanup_batches if how.most is None else how.most
    done, batches, busy = 0, 0, 0
    for _ in range(PASSES):
        at: UUID | None = after
        busy = 0
        while at is not None:
            if how.stop():
                return Tally(done, busy, batches, at, stopped=True)
            if batches >= left:
                return Tally(done, busy, batches, at)
            batch = _take(take, at, how)
            done, busy, batches, at = done + batch.done, busy + batch.busy, batches + 1, batch.after
        if not busy:
            break
    return Tally(done, busy, batches)


def _take(take: Take, at: UUID, how: Walk) -> Batch:
    if how.one_statement:
        batch = take(at)
    else:
        with transaction.atomic():
            batch = take(at)
            if how.record is not None and batch.done:
                audit.add(how.record, batch.done)
    how.told(batch.done)
    return batch
