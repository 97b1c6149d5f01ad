"""Values of an append: what is to be written, what must still be true, and what the log answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID, uuid5

import msgspec

from workflows.identity import Identity
from workflows.states import FINISHED, EventType, Status

# The correlation id of an instance's last event; its others are named by the operation they belong to.
END = "end"
# Separates values inside one SQL parameter, so it may not stand in them; JSON text never holds it.
SEPARATOR = "\x1f"
FORBIDDEN = {0: "\ufffd", ord(SEPARATOR): "\ufffd"}
MESSAGE_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event to append. `data` is JSON text of an object."""

    type: EventType
    correlation_id: str = ""
    data: str = "{}"

    @property
    def size(self) -> int:
        """Its weight against the cap of a log, in bytes."""
        return len(self.data) if self.data.isascii() else len(self.data.encode())


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One row of a log. `data` is JSON text."""

    seq: int
    type: str
    correlation_id: str
    data: str
    at: datetime

    def value(self) -> dict[str, object]:
        return msgspec.json.decode(self.data, type=dict[str, object])


@dataclass(frozen=True, slots=True)
class Fence:
    """What a writer must still be true of: the tail it decided at, the owning epoch. None asks nothing."""

    tail: int | None = None
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, as an instance shows it."""

    code: str
    message: str

    def shown(self) -> "Failure":
        """Return it without characters the tables can't hold, and short."""
        return Failure(_storable(self.code)[:64], _storable(self.message)[:MESSAGE_LENGTH])


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().translate(FORBIDDEN)


@dataclass(frozen=True, slots=True)
class Change:
    """A new status, written with the events. `wake_at` says when the instance is ready again; None: not by itself.

    `failure` is the error of a finished instance, and a notice on one that waits.
    """

    status: Status
    wake_at: datetime | None = None
    failure: Failure | None = None
    epoch: int | None = None

    @property
    def finishes(self) -> bool:
        return self.status in FINISHED


@dataclass(frozen=True, slots=True)
class Offspring:
    """A child that is wished for. `parent` is its parent's context; `payload` is JSON text."""

    parent: Identity
    correlation_id: str
    definition: str
    payload: str

    @property
    def id(self) -> UUID:
        """The same however often it is asked for."""
        return uuid5(self.parent.id, self.correlation_id)


@dataclass(frozen=True, slots=True)
class Append:
    """Events of one instance, all or none.

    `wakes` says that its pump should look at once, as when something came from outside. `children` are asked for by the
    `child_started` events of the same correlation ids.
    """

    instance_id: UUID
    events: tuple[NewEvent, ...]
    fence: Fence = Fence()
    change: Change | None = None
    wakes: bool = False
    children: tuple[Offspring, ...] = ()


@dataclass(frozen=True, slots=True)
class Appended:
    """Written: the events have the numbers base + 1, base + 2, and so on.

    `clashes` names the hooks that were not made, since another active one has the token; their events say so.
    """

    word: ClassVar[str] = "appended"
    base: int
    at: datetime
    clashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """Refused: the log moved on to `tail`."""

    word: ClassVar[str] = "conflict"
    tail: int


@dataclass(frozen=True, slots=True)
class LostOwnership:
    """Refused: another epoch owns the instance."""

    word: ClassVar[str] = "lost_ownership"
    epoch: int


@dataclass(frozen=True, slots=True)
class AlreadyFinished:
    """Refused: the instance ended with this status."""

    word: ClassVar[str] = "finished"
    status: Status


@dataclass(frozen=True, slots=True)
class LogFull:
    """Refused: the log may only be ended."""

    word: ClassVar[str] = "log_full"


@dataclass(frozen=True, slots=True)
class Busy:
    """Not tried: someone else holds the row. Join the next group."""

    word: ClassVar[str] = "busy"


@dataclass(frozen=True, slots=True)
class Missing:
    """Refused: no such row."""

    word: ClassVar[str] = "missing"


@dataclass(frozen=True, slots=True)
class Faulty:
    """Refused by the database for what the events hold."""

    word: ClassVar[str] = "faulty"
    error: str


# `word` names an outcome in counts.
Outcome = Appended | Conflict | LostOwnership | AlreadyFinished | LogFull | Busy | Missing | Faulty
