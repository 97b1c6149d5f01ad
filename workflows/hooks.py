"""Resume an instance from outside, by the token of one of its hooks.

The hook says which instance to lock; it is looked at again under that lock, so a resume comes before the hook is let go
or is refused.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from django.db import DatabaseError, transaction

from workflows import conf, eventlog, fence, ready, turns
from workflows.fence import Append
from workflows.states import FINISHED, Status

FULL = "the log has no room for what its hook was handed"

# The active hook of a token; when there is none, the last one that had it.
FIND = """
SELECT id, instance_id, correlation_id FROM workflows_hook WHERE token = %s
ORDER BY disposed_at IS NULL DESC, id DESC LIMIT 1"""
LOCK = "SELECT status, shard, unread FROM workflows_instance WHERE id = %s FOR NO KEY UPDATE"
ACTIVE = "SELECT 1 FROM workflows_hook WHERE id = %s AND disposed_at IS NULL"
SEEN = "SELECT seq, fingerprint FROM workflows_resumption WHERE hook_id = %s AND resume_id = %s"
NOTE = """
INSERT INTO workflows_resumption (hook_id, resume_id, seq, fingerprint) VALUES (%s, %s, %s, %s) RETURNING 1"""
OPEN = """
SELECT name, token FROM workflows_hook WHERE instance_id = %s AND disposed_at IS NULL ORDER BY id LIMIT %s"""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The log has it under this number; `again` when the same resume had come before."""

    instance_id: UUID
    seq: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class HookNotFound:
    """No active hook has this token."""


@dataclass(frozen=True, slots=True)
class ResumeMismatch:
    """The resume id was used for another payload."""


@dataclass(frozen=True, slots=True)
class InstanceFinished:
    """The instance ended with this status, and its hooks with it."""

    status: Status


@dataclass(frozen=True, slots=True)
class TooManyUnread:
    """The instance has that much to read before it can be handed more."""

    limit: int


@dataclass(frozen=True, slots=True)
class OpenHook:
    """A hook that can be resumed."""

    name: str
    token: str


Resume = Resumed | HookNotFound | ResumeMismatch | InstanceFinished | TooManyUnread


@dataclass(frozen=True, slots=True)
class _Locked:
    """A hook whose instance is locked."""

    id: int
    instance_id: UUID
    correlation_id: str
    status: Status
    shard: int
    unread: int


@transaction.atomic
def resume(token: str, payload: bytes, resume_id: str | None = None) -> Resume:
    """Hand a payload, given as JSON text, to whoever awaits the hook; idempotent by `resume_id` where there is one.

    Raises:
        DatabaseError: the database refuses what the payload holds.
    """
    hook = _lock(token)
    if hook is None:
        return HookNotFound()
    if resume_id is not None and (seen := eventlog.execute(SEEN, (hook.id, resume_id))):
        seq, known = seen[0]
        return Resumed(hook.instance_id, seq, again=True) if known == _fingerprint(payload) else ResumeMismatch()
    return _refused(hook) or _receive(hook, payload, resume_id)


def _lock(token: str) -> _Locked | None:
    for hook_id, instance_id, correlation_id in eventlog.execute(FIND, (token,)):
        for status, shard, unread in eventlog.execute(LOCK, (instance_id,)):
            return _Locked(hook_id, instance_id, correlation_id, Status(status), shard, unread)
    return None


def _refused(hook: _Locked) -> HookNotFound | InstanceFinished | TooManyUnread | None:
    if hook.status in FINISHED:
        return InstanceFinished(hook.status)
    if not eventlog.execute(ACTIVE, (hook.id,)):
        return HookNotFound()
    limit = conf.current().max_unread
    return TooManyUnread(limit) if hook.unread >= limit else None


def _receive(hook: _Locked, payload: bytes, resume_id: str | None) -> Resume:
    event = turns.hook_received(hook.correlation_id, payload.decode(), resume_id)
    match eventlog.append(Append(hook.instance_id, (event,), wakes=True)):
        case fence.Appended(base):
            if resume_id is not None:
                eventlog.execute(NOTE, (hook.id, resume_id, base + 1, _fingerprint(payload)))
            ready.notify({hook.shard})
            return Resumed(hook.instance_id, base + 1)
        case fence.LogFull():
            return TooManyUnread(hook.unread) if hook.unread else _end(hook)
        case fence.Faulty(error):
            raise DatabaseError(error)
        case outcome:
            raise AssertionError(f"the row is locked, and yet its log answers {outcome}")


def _end(hook: _Locked) -> InstanceFinished:
    """End an instance that has read all, and whose log can't hold what comes."""
    eventlog.append(turns.overflow(hook.instance_id, FULL))
    ready.notify({hook.shard})
    return InstanceFinished(Status.FAILED)


def open_of(instance_id: UUID, limit: int = 100) -> list[OpenHook]:
    """Return the hooks of an instance that can be resumed, oldest first."""
    return [OpenHook(*row) for row in eventlog.execute(OPEN, (instance_id, limit))]


def _fingerprint(payload: bytes) -> str:
    return hashlib.blake2b(payload, digest_size=16).hexdigest()
