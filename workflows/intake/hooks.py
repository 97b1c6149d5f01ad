"""Resume an instance from outside, and tell which of its hooks can be."""

from dataclasses import dataclass, replace

from django.db import DatabaseError

from workflows import faults, hooks
from workflows.hooks import HookNotFound, InstanceFinished, Resumed, ResumeMismatch, TooManyUnread
from workflows.intake.view import HookView, InstanceView
from workflows.states import FINISHED

__all__ = [
    "HookNotFound",
    "InstanceFinished",
    "PayloadRefused",
    "ResumeMismatch",
    "Resumed",
    "TooManyUnread",
    "attach",
    "resume",
]

LONGEST_TOKEN = 200


@dataclass(frozen=True, slots=True)
class PayloadRefused:
    """The database can't hold what the payload carries."""


Resume = hooks.Resume | PayloadRefused


def resume(token: str, payload: bytes, resume_id: str | None = None) -> Resume:
    """Hand a payload, given as JSON text, to whoever awaits the hook of this token; idempotent by `resume_id`.

    The token itself is the permission: it is 128 random bits, unless the workflow chose another.

    Raises:
        OperationalError, InterfaceError: the database is away; send it again under the same `resume_id`.
    """
    # No hook has such a token, and PostgreSQL can't be asked for it.
    if len(token) > LONGEST_TOKEN or "\0" in token:
        return HookNotFound()
    try:
        return hooks.resume(token, payload, resume_id)
    except DatabaseError as error:
        if faults.is_away(error):
            raise
        return PayloadRefused()


def attach(instance: InstanceView) -> InstanceView:
    """Return the instance with its hooks that can be resumed; one that is buffered or finished has none."""
    if not instance.last_seq or instance.status in FINISHED:
        return instance
    found = tuple(HookView(each.name, each.token) for each in hooks.open_of(instance.id))
    return replace(instance, hooks=found) if found else instance
