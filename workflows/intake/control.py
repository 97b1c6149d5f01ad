"""Steer instances wherever they are: the entry first, then the row.

An entry that is drained meanwhile keeps what was changed: settling sees it, and the row gets it. One that was settled
before is not found in the buffer any more, and its row is committed. So each verb answers alike before and after.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from mollifier import buffer, entry, patches
from mollifier.decision import Scope
from mollifier.entry import CapReached, Entry, Patched
from mollifier.errors import MollifierError
from workflows import attributes, conf, engine, eventlog, patch, snapshot, steering
from workflows.attributes import (
    Attributes,
    ChangeMetadata,
    ChangeTags,
    LimitExceeded,
    Operation,
    OperationInvalid,
    VersionConflict,
)
from workflows.engine import AlreadyFinished, Cancelled, FenceConflict, NotFound
from workflows.intake import lookup
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable
from workflows.snapshot import SnapshotFromFuture, SnapshotInvalid
from workflows.states import Status
from workflows.steering import AlreadyStarted, Changed
from workflows.trigger import Trigger

__all__ = [
    "AlreadyFinished",
    "AlreadyStarted",
    "At",
    "Cancel",
    "Cancelled",
    "CancelledInBuffer",
    "CapReached",
    "Changed",
    "ChangedInBuffer",
    "FenceConflict",
    "LimitExceeded",
    "NotFound",
    "OperationInvalid",
    "Steer",
    "Unreadable",
    "VersionConflict",
    "cancel",
    "change_metadata",
    "change_tags",
    "pause",
    "reschedule",
    "resume",
]

# A buffered instance has no event yet.
BUFFERED_SEQ = 0
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class At:
    """What a caller decided at: the log's tail, or a moment of the server's clock, which means the tail then."""

    seq: int | None = None
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class CancelledInBuffer:
    """It will become a cancelled instance without having run; one that is a row this moment is cancelled there."""


@dataclass(frozen=True, slots=True)
class ChangedInBuffer:
    """It will become an instance so; one that is a row this moment is changed there."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What is buffered can't be read here, so it can't be changed, only cancelled."""


Cancel = CancelledInBuffer | engine.Cancel
Steer = ChangedInBuffer | CapReached | Unreadable | steering.Steer
ANYWHEN = At()


def cancel(env: Env, id_: UUID, reason: str, *, actor: str, at: At = ANYWHEN) -> Cancel:
    """End an instance of this environment.

    Raises:
        LookupUnavailable: there is no row and the buffer does not answer.
    """
    return _steer(
        env,
        id_,
        at,
        lambda scope: _cancel_entry(scope, id_, reason),
        lambda seq: engine.cancel(id_, reason, actor=actor, expected_seq=seq),
    )


def change_tags(
    env: Env, id_: UUID, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = (), actor: str, at: At = ANYWHEN
) -> Steer:
    """Take tags away, then add tags; raises as `cancel` does."""
    return _change(env, id_, ChangeTags(add, remove), actor, at)


def change_metadata(
    env: Env,
    id_: UUID,
    operations: tuple[Operation, ...],
    *,
    expected_version: int | None = None,
    actor: str,
    at: At = ANYWHEN,
) -> Steer:
    """Do operations on the metadata, all or none; raises as `cancel` does."""
    change = ChangeMetadata(operations, conf.current().max_metadata_bytes, expected_version)
    return _change(env, id_, change, actor, at)


def reschedule(env: Env, id_: UUID, run_after: datetime, *, actor: str, at: At = ANYWHEN) -> Steer:
    """Say when an instance that has not started may; raises as `cancel` does."""
    return _steer(
        env,
        id_,
        at,
        _on_entry(id_, lambda trigger: trigger.evolve(run_after=run_after)),
        lambda seq: steering.reschedule(id_, run_after, actor=actor, expected_seq=seq),
    )


def pause(env: Env, id_: UUID, *, actor: str, at: At = ANYWHEN) -> Steer:
    """Keep an instance from going on until it is resumed; raises as `cancel` does."""
    return _steer(
        env,
        id_,
        at,
        _on_entry(id_, lambda trigger: trigger.evolve(paused=True)),
        lambda seq: steering.pause(id_, actor=actor, expected_seq=seq),
    )


def resume(env: Env, id_: UUID, *, actor: str, at: At = ANYWHEN) -> Steer:
    """Let a paused instance go on; raises as `cancel` does."""
    return _steer(
        env,
        id_,
        at,
        _on_entry(id_, lambda trigger: trigger.evolve(paused=False)),
        lambda seq: steering.resume(id_, actor=actor, expected_seq=seq),
    )


def _change(env: Env, id_: UUID, change: attributes.Change, actor: str, at: At) -> Steer:
    return _steer(
        env,
        id_,
        at,
        _on_entry(id_, partial(_merge, change)),
        lambda seq: steering.change_attributes(id_, change, actor=actor, expected_seq=seq),
    )


def _merge(change: attributes.Change, trigger: Trigger) -> Trigger | attributes.Refusal:
    merged = attributes.merge(Attributes(trigger.tags, trigger.metadata, trigger.metadata_version), change)
    if not isinstance(merged, Attributes):
        return merged
    return trigger.evolve(tags=merged.tags, metadata=merged.metadata, metadata_version=merged.version)


def _steer(
    env: Env, id_: UUID, at: At, on_entry: Callable[[Scope], T | None], on_row: Callable[[int | None], R]
) -> T | R | FenceConflict | NotFound:
    """Do a verb on the entry, or where there is none (None) on the row."""
    scope, reachable, elsewhen = lookup.scope_of(env), True, False
    try:
        if at.seq in (None, BUFFERED_SEQ):
            if (done := on_entry(scope)) is not None:
                return done
        else:
            elsewhen = buffer.read(scope, id_) is not None
    except MollifierError:
        reachable = False
    if lookup.is_row(env, id_):
        return on_row(at.seq if at.moment is None else eventlog.tail_before(id_, at.moment))
    if not reachable:
        raise LookupUnavailable
    return FenceConflict(at.seq or 0, BUFFERED_SEQ) if elsewhen else NotFound()


def _on_entry(id_: UUID, change: Callable[[Trigger], Trigger | attributes.Refusal]) -> Callable[[Scope], Steer | None]:
    """Return the change of a trigger as a change of the entry that holds it."""

    def changed(held: Entry) -> bytes | attributes.Refusal | Unreadable:
        try:
            base = snapshot.decode(held.snapshot)
            before = patch.apply(base, held.patch)
        except (SnapshotInvalid, SnapshotFromFuture):
            return Unreadable()
        after = change(before)
        if not isinstance(after, Trigger):
            return after
        return held.patch if after == before else patch.encode(base, after)

    def on_entry(scope: Scope) -> Steer | None:
        outcome: Patched | attributes.Refusal | Unreadable = patches.apply(scope, id_, changed)
        match outcome:
            case entry.Applied():
                return ChangedInBuffer()
            case entry.Cancelled():
                return AlreadyFinished(Status.CANCELLED)
            case entry.NotFound():
                return None
            case refusal:
                return refusal

    return on_entry


def _cancel_entry(scope: Scope, id_: UUID, reason: str) -> CancelledInBuffer | AlreadyFinished | None:
    match patches.cancel(scope, id_, reason):
        case entry.Applied():
            return CancelledInBuffer()
        case entry.Cancelled():
            return AlreadyFinished(Status.CANCELLED)
        case entry.NotFound():
            return None
