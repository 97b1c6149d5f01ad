"""Where a list of instances is read on: below a time and an id among the rows, and below a sequence in the buffer.

An id says nothing of when: that of an instance from an event is made from the event's key. So lists go by acceptance.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
WRITTEN = re.compile(r"([0-9a-f]{1,15})-([0-9a-f]{32})-([0-9a-f]{1,14})?")


class CursorInvalid(ValueError):
    """A text that is no cursor of ours."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of the instance shown last; `seq` is the entry's above the rest of the buffer.

    0: nothing of the buffer is left; None: it was not looked at, since it did not answer.
    """

    accepted_at: datetime
    id: UUID
    seq: int | None = 0

    def __str__(self) -> str:
        seq = "" if self.seq is None else f"{self.seq:x}"
        return f"{max((self.accepted_at - EPOCH) // MICROSECOND, 0):x}-{self.id.hex}-{seq}"


def read(text: str) -> Cursor:
    """Read a cursor as `str` writes it.

    Raises:
        CursorInvalid: it is none.
    """
    found = WRITTEN.fullmatch(text)
    if found is None:
        raise CursorInvalid(text[:40])
    try:
        accepted_at = EPOCH + int(found[1], 16) * MICROSECOND
    except OverflowError as error:
        raise CursorInvalid(text[:40]) from error
    return Cursor(accepted_at, UUID(found[2]), int(found[3], 16) if found[3] else None)
