"""An instance as everyone sees it, wherever it is: one shape for an entry in the buffer and for a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mollifier.entry import Entry, State
from workflows import patch
from workflows.fence import Failure
from workflows.intake.directory import Env
from workflows.snapshot import SnapshotFromFuture, SnapshotInvalid
from workflows.states import Status
from workflows.trigger import Trigger

BUFFERED = "buffered"
NULL = b"null"
CANCELLED_CODE = "cancelled"
PAUSED_HERE = "Paused while buffered; it will not start before it is resumed."
WAITS_ITS_TURN = "Accepted into the buffer; it will start in its turn."

# The columns of `from_row`, of workflows_instance i and the events that hold its payload and its output.
COLUMNS = """i.id, i.definition, i.version, i.status, i.source, i.tags, i.metadata::text, i.idempotency_key, i.shard,
    i.root_id, i.parent_id, i.depth, i.accepted_at, i.run_after, i.metadata_version, i.created_at,
    i.started_at, i.finished_at, i.last_seq, i.superseded_by, i.error_code, i.error_message,
    i.event_type, i.event_key, i.cause, i.chain, first.data::text, last.data::text"""


class _Created(msgspec.Struct):
    payload: msgspec.Raw = msgspec.Raw(NULL)


class _Completed(msgspec.Struct):
    output: msgspec.Raw = msgspec.Raw(NULL)


@dataclass(frozen=True, slots=True)
class Notice:
    """Why it does not run now; position and time are known when it was just buffered."""

    code: str
    message: str
    position: int | None = None
    eta_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class HookView:
    """A hook that can be resumed."""

    name: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceView:
    """One instance. `payload`, `output` and `metadata` are JSON text; `status` is a Status or `buffered`.

    `created_at` is None while it is buffered, and `last_seq` 0. `hooks` are filled in by `workflows.intake.hooks`.
    """

    id: UUID
    definition: str
    version: int
    status: str
    org: str
    env: str
    org_id: UUID
    env_id: UUID
    source: str
    tags: tuple[str, ...]
    metadata: bytes
    payload: bytes
    idempotency_key: str | None
    shard: int
    root_id: UUID
    parent_id: UUID | None
    depth: int
    accepted_at: datetime
    run_after: datetime | None = None
    metadata_version: int = 0
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    last_seq: int = 0
    superseded_by: UUID | None = None
    output: bytes = NULL
    error: Failure | None = None
    notice: Notice | None = None
    hooks: tuple[HookView, ...] = ()
    event_type: str | None = None
    event_key: str | None = None
    cause: UUID | None = None
    chain: tuple[str, ...] = ()


def from_trigger(
    env: Env,
    trigger: Trigger,
    status: str,
    *,
    created_at: datetime | None = None,
    error: Failure | None = None,
    notice: Notice | None = None,
) -> InstanceView:
    """Show a trigger that was just started or buffered."""
    return InstanceView(
        id=trigger.id,
        definition=trigger.definition,
        version=trigger.version,
        status=status,
        org=env.org.slug,
        env=env.slug,
        org_id=trigger.org_id,
        env_id=trigger.env_id,
        source=trigger.source.value,
        tags=trigger.tags,
        metadata=trigger.metadata,
        payload=trigger.payload,
        idempotency_key=trigger.idempotency_key,
        shard=trigger.shard,
        root_id=trigger.root_id,
        parent_id=trigger.parent_id,
        depth=trigger.depth,
        accepted_at=trigger.accepted_at,
        run_after=trigger.run_after,
        metadata_version=trigger.metadata_version,
        created_at=created_at,
        last_seq=0 if created_at is None else 1,
        error=error,
        notice=notice,
        event_type=trigger.event_type,
        event_key=trigger.event_key,
        cause=trigger.cause,
        chain=trigger.chain,
    )


def from_entry(env: Env, entry: Entry) -> InstanceView:
    """Show a buffered trigger; one that was cancelled or paused in the buffer is so already."""
    try:
        trigger = patch.read(entry.snapshot, entry.patch)
    except (SnapshotInvalid, SnapshotFromFuture) as error:
        return _unreadable(env, entry, Notice(error.code, "This process can't read what is buffered."))
    if entry.cancel_reason is not None:
        return from_trigger(env, trigger, Status.CANCELLED.value, error=Failure(CANCELLED_CODE, entry.cancel_reason))
    if trigger.paused:
        return from_trigger(env, trigger, Status.PAUSED.value, notice=Notice("paused", PAUSED_HERE))
    return from_trigger(env, trigger, BUFFERED, notice=_notice(entry))


def _notice(entry: Entry) -> Notice:
    """Say why it waits; the error behind it is for operators, who see it with the entry."""
    match entry.state:
        case State.FAILED:
            return Notice("dead_letter", "It could not be made an instance; an operator must look.")
        case State.DELAYED:
            return Notice("delayed", "It could not be made an instance yet; it will be tried again.")
        case State.QUEUED | State.LEASED:
            return Notice(entry.reason.value, WAITS_ITS_TURN)


def _unreadable(env: Env, entry: Entry, notice: Notice) -> InstanceView:
    return InstanceView(
        id=entry.id,
        definition="",
        version=0,
        status=BUFFERED,
        org=env.org.slug,
        env=env.slug,
        org_id=env.org.id,
        env_id=env.id,
        source="",
        tags=(),
        metadata=b"{}",
        payload=NULL,
        idempotency_key=None,
        shard=0,
        root_id=entry.id,
        parent_id=None,
        depth=0,
        accepted_at=entry.accepted_at,
        notice=notice,
    )


def from_row(env: Env, row: Sequence[Any]) -> InstanceView:
    """Show a row of `COLUMNS`."""
    (id_, definition, version, status, source, tags, metadata, key, shard, root_id, parent_id, depth) = row[:12]
    (accepted_at, run_after, metadata_version, created_at, started_at, finished_at) = row[12:18]
    (last_seq, superseded_by, code, message) = row[18:22]
    (event_type, event_key, cause, chain, first, last) = row[22:]
    finished = finished_at is not None
    return InstanceView(
        id=id_,
        definition=definition,
        version=version,
        status=status,
        org=env.org.slug,
        env=env.slug,
        org_id=env.org.id,
        env_id=env.id,
        source=source,
        tags=tuple(tags),
        metadata=metadata.encode(),
        payload=bytes(msgspec.json.decode(first, type=_Created).payload) if first else NULL,
        idempotency_key=key,
        shard=shard,
        root_id=root_id,
        parent_id=parent_id,
        depth=depth,
        accepted_at=accepted_at,
        run_after=run_after,
        metadata_version=metadata_version,
        created_at=created_at,
        started_at=started_at,
        finished_at=finished_at,
        last_seq=last_seq,
        superseded_by=superseded_by,
        output=bytes(msgspec.json.decode(last, type=_Completed).output) if last else NULL,
        error=Failure(code, message or "") if finished and code else None,
        notice=Notice(code, message or "") if code and not finished else None,
        event_type=event_type,
        event_key=event_key,
        cause=cause,
        chain=tuple(chain or ()),
    )
