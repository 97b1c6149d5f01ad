"""Values of the buffer: an entry, its states, and what becomes of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from mollifier.decision import Mode, Reason, Scope


class State(StrEnum):
    """Where an entry is; each id is in exactly one state."""

    QUEUED = "queued"
    DELAYED = "delayed"
    LEASED = "leased"
    FAILED = "failed"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One mollified trigger. `cancel_reason` is set when it was cancelled while buffered.

    `patch` is what else was changed meanwhile, opaque as the snapshot; `patch_version` counts all changes.
    """

    id: UUID
    scope: Scope
    seq: int
    accepted_at: datetime
    mode: Mode
    reason: Reason
    snapshot: bytes
    state: State
    attempts: int = 0
    lapses: int = 0
    patch_version: int = 0
    cancel_reason: str | None = None
    patch: bytes = b""
    error: str | None = None
    first_failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A leased entry that this version can't read; it is to be kept as a dead letter."""

    id: UUID
    error: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """How many orgs and environments with queued work stand aside: paused by an operator, or at their cap."""

    paused: int = 0
    full: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch under one lease. The same token claimed again returns the same entries.

    `wait_seconds` is above 0 when the drain rate left nothing to take.
    """

    token: str
    entries: tuple[Entry, ...]
    unreadable: tuple[Unreadable, ...] = ()
    skipped: Skipped = Skipped()
    wait_seconds: float = 0.0


# What a Materialiser says of one entry.


@dataclass(frozen=True, slots=True)
class Materialised:
    """Its row is committed, now or before."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The store could not be reached or refused for its own reasons; nothing is the entry's fault."""

    id: UUID
    error: str


@dataclass(frozen=True, slots=True)
class Faulty:
    """This entry failed by itself; `final` when another attempt can't help."""

    id: UUID
    error: str
    final: bool


Outcome = Materialised | Unavailable | Faulty


class Comparison(StrEnum):
    """What a mirrored entry and the row that was started directly come to."""

    EQUAL = "equal"
    DIFFERS = "differs"
    MISSING = "missing"
    UNREADABLE = "unreadable"


# What the drainer tells the buffer of one leased entry.


@dataclass(frozen=True, slots=True)
class Settle:
    """It is a row. `patch_version` is the one its claim saw."""

    id: UUID
    patch_version: int


@dataclass(frozen=True, slots=True)
class Requeue:
    """Give it back, due after `delay_ms` (0 puts it at its old place)."""

    id: UUID
    delay_ms: int
    spend_attempt: bool
    error: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Keep it as a dead letter with its error."""

    id: UUID
    error: str


Report = Settle | Requeue | Fail


class Settlement(StrEnum):
    """The buffer's answer to one report."""

    SETTLED = "settled"
    PATCHED = "patched"
    REQUEUED = "requeued"
    FAILED = "failed"
    LOST_LEASE = "lost_lease"


class DeadLetterOutcome(StrEnum):
    """The buffer's answer to what is done with a dead letter."""

    REDRIVEN = "redriven"
    DISCARDED = "discarded"
    NOT_FAILED = "not_failed"
    NOT_FOUND = "not_found"


# The buffer's answer to a patch.


@dataclass(frozen=True, slots=True)
class Applied:
    """It is kept beside the entry; `version` counts the changes so far."""

    version: int


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Nothing is changed: it was cancelled before."""


@dataclass(frozen=True, slots=True)
class CapReached:
    """Nothing is changed: there is no room left in the bytes of the env, the org, or in total."""

    level: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """It is not, or no longer, buffered here."""


Cancellation = Applied | Cancelled | NotFound
Patched = Cancellation | CapReached
