"""What becomes of a trigger that is handed in."""

from dataclasses import dataclass
from uuid import UUID

from workflows.intake.view import InstanceView

RETRY_AFTER_SECONDS = 1
# What ends or drains of a backlog makes room; that takes longer than an answer that is on its way.
BACKLOG_RETRY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Quota:
    """The environment's limit as one answer saw it: how many more may pass now, and when the next may."""

    limit: int
    window_ms: int
    left: int
    free_in_ms: int


@dataclass(frozen=True, slots=True)
class Started:
    """A row, running soon. `fail_open`: the gate could not be asked; `again`: the same request came before."""

    instance: InstanceView
    fail_open: bool = False
    again: bool = False
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class Buffered:
    """An entry, started in its turn; its notice says why and where it stands. `again`: as for Started."""

    instance: InstanceView
    again: bool = False
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class Existing:
    """The same id or idempotency key was submitted before, with the same body; this is what it became."""

    instance: InstanceView


@dataclass(frozen=True, slots=True)
class InProgress:
    """The idempotency key is taken by a trigger that is on its way."""

    id: UUID
    retry_after_seconds: int = RETRY_AFTER_SECONDS


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The idempotency key was used for another body, by this id."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Rejected:
    """It can't run, now or at all.

    definition_not_found, definition_inactive, preflight (it needs what is not here), env_not_found or trigger_invalid.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """It is one too many, and nothing is created: throttled_event_backlog, when its group has no room left."""

    code: str
    message: str
    retry_after_seconds: int = BACKLOG_RETRY_SECONDS


@dataclass(frozen=True, slots=True)
class Full:
    """A cap of the buffer is reached: of the env, the org, or in total."""

    level: str
    retry_after_seconds: int


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The database does not answer and the buffer may not or can't take it; the same id or key may be sent again."""

    retry_after_seconds: int = RETRY_AFTER_SECONDS


Submission = Started | Buffered | Existing | InProgress | Mismatch | Rejected | Throttled | Full | Unavailable
