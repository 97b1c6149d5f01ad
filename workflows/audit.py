"""The audit of what is done to many things at once: begun before the first, counted with each, ended after the last."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from workflows.models import AuditOutcome, AuditRecord

__all__ = ["Act", "Actor", "AuditOutcome", "add", "begin", "end", "note"]


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


def begin(act: Act) -> int:
    """Open a record and return its id; one of this verb and filter that is still open was left by a process that died.

    The caller holds what keeps two acts of this verb and filter apart (`workflows.cleanup.locks`).
    """
    left = AuditRecord.objects.filter(verb=act.verb, filter=dict(act.filter), outcome=AuditOutcome.RUNNING)
    left.update(outcome=AuditOutcome.INTERRUPTED, finished_at=timezone.now())
    return _create(act).pk


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
