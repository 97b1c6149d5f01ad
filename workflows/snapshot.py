"""A trigger as stored bytes: one version byte, then MessagePack without field names."""

from datetime import datetime
from uuid import UUID

import msgspec

from workflows.trigger import Source, Trigger

VERSION = 1


class SnapshotInvalid(Exception):
    """The bytes are not a snapshot."""

    code = "snapshot_invalid"


class SnapshotFromFuture(Exception):
    """A newer process wrote it; one of its kind can read it."""

    code = "snapshot_from_future"


class _Fields(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Version 1. New fields go to the end, with a default."""

    id: UUID
    org_id: UUID
    env_id: UUID
    definition: str
    version: int
    shard: int
    payload: bytes
    source: Source
    accepted_at: datetime
    root_id: UUID
    metadata: bytes
    tags: tuple[str, ...]
    idempotency_key: str | None
    run_after: datetime | None
    parent_id: UUID | None
    depth: int


_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_decoder = msgspec.msgpack.Decoder(_Fields)


def encode(trigger: Trigger) -> bytes:
    return b"\x01" + _encoder.encode(
        _Fields(
            trigger.id,
            trigger.org_id,
            trigger.env_id,
            trigger.definition,
            trigger.version,
            trigger.shard,
            trigger.payload,
            trigger.source,
            trigger.accepted_at,
            trigger.root_id,
            trigger.metadata,
            trigger.tags,
            trigger.idempotency_key,
            trigger.run_after,
            trigger.parent_id,
            trigger.depth,
        )
    )


def decode(snapshot: bytes) -> Trigger:
    """Read a trigger back, byte for byte.

    Raises:
        SnapshotInvalid: damaged; it will never be readable.
        SnapshotFromFuture: of a later version than this process knows.
    """
    if not snapshot:
        raise SnapshotInvalid("it is empty")
    if snapshot[0] > VERSION:
        raise SnapshotFromFuture(f"version {snapshot[0]}, this process reads up to {VERSION}")
    try:
        fields = _decoder.decode(memoryview(snapshot)[1:])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SnapshotInvalid(str(error)) from error
    return Trigger(
        id=fields.id,
        org_id=fields.org_id,
        env_id=fields.env_id,
        definition=fields.definition,
        version=fields.version,
        shard=fields.shard,
        payload=fields.payload,
        source=fields.source,
        accepted_at=fields.accepted_at,
        root_id=fields.root_id,
        metadata=fields.metadata,
        tags=fields.tags,
        idempotency_key=fields.idempotency_key,
        run_after=fields.run_after,
        parent_id=fields.parent_id,
        depth=fields.depth,
    )
