"""The audit of what is done to many things at once: begun before the first, counted with each, ended after the last."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from workflows.models import AuditOutcome, AuditRecord

__all__ = ["Act", "Actor", "AuditOutcome", "add", "asked", "begin", "end", "is_open", "note", "request"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it: a user of the pages, or a name for what acts without one (a command, an API key, a schedule)."""

    name: str
    user: User | None = None

    @classmethod
    def from_user(cls, user: User) -> "Actor":
        return cls(user.get_username(), user)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is about to be done. `filter` is JSON; verb and filter together tell one act from another."""

    verb: str
    actor: Actor
    reason: str
    filter: Mapping[str, Any] = field(default_factory=dict)
    target: str = ""
    org_id: UUID | None = None


def request(act: Act) -> int:
    """Open the record of what another process is to do, as soon as it is asked for; return its id."""
    return _create(act).pk


def asked(record: int) -> Act:
    """Return what was asked for."""
    row = AuditRecord.objects.select_related("actor").get(pk=record)
    return Act(
        verb=row.verb,
        actor=Actor(row.actor_name, row.actor),
        reason=row.reason,
        filter=row.filter,
        target=row.target,
        org_id=row.org_id,
    )


def begin(act: Act, record: int | None = None) -> int:
    """Open a record, or go on with the one that was opened on request, and return its id.

    An earlier one of this verb and filter that is still open was left by a process that died, or is overtaken. The
    caller holds what keeps two acts of this verb and filter apart (`workflows.cleanup.locks`).
    """
    number = request(act) if record is None else record
    left = AuditRecord.objects.filter(verb=act.verb, filter=dict(act.filter), outcome=AuditOutcome.RUNNING)
    left.filter(pk__lt=number).update(outcome=AuditOutcome.INTERRUPTED, finished_at=timezone.now())
    return number


def is_open(record: int) -> bool:
    """Tell whether it has not ended; a later act of its verb and filter ends it too."""
    return AuditRecord.objects.filter(pk=record, outcome=AuditOutcome.RUNNING).exists()


def add(record: int, count: int) -> None:
    """Count what the caller's transaction does, in that transaction."""
    AuditRecord.objects.filter(pk=record).update(count=F("count") + count)


def end(record: int, outcome: AuditOutcome, detail: Mapping[str, Any]) -> None:
    """Close a record for good; one that is closed stays as it is."""
    AuditRecord.objects.filter(pk=record, outcome=AuditOutcome.RUNNING).update(
        outcome=outcome, finished_at=timezone.now(), detail=dict(detail)
    )


def note(act: Act, count: int = 1, **detail: Any) -> int:
    """Record what was done at once, in the transaction that did it; return the record's id."""
    return _create(act, count=count, detail=detail, outcome=AuditOutcome.DONE, finished_at=timezone.now()).pk


def _create(act: Act, **values: Any) -> AuditRecord:
    return AuditRecord.objects.create(
        verb=act.verb,
        target=act.target,
        org_id=act.org_id,
        actor=act.actor.user,
        actor_name=act.actor.name,
        reason=act.reason.strip(),
        filter=dict(act.filter),
        **values,
    )
