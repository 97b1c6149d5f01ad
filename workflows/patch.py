"""What was changed of a trigger while it is buffered, as bytes that the mollifier keeps beside its snapshot.

They hold only the values that differ from the snapshot's. One version byte, then MessagePack without field names.
"""

from datetime import datetime

import msgspec

from workflows import snapshot
from workflows.snapshot import SnapshotFromFuture, SnapshotInvalid
from workflows.trigger import Trigger

VERSION = 1


class _Fields(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Version 1. New fields go to the end, with a default. None: as in the snapshot."""

    tags: tuple[str, ...] | None
    metadata: bytes | None
    metadata_version: int
    run_after: datetime | None
    paused: bool


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Fields)


def encode(base: Trigger, changed: Trigger) -> bytes:
    """Return what makes `changed` of the trigger that the snapshot holds."""
    return b"\x01" + _encoder.encode(
        _Fields(
            changed.tags if changed.tags != base.tags else None,
            changed.metadata if changed.metadata != base.metadata else None,
            changed.metadata_version,
            changed.run_after if changed.run_after != base.run_after else None,
            changed.paused,
        )
    )


def apply(base: Trigger, patch: bytes) -> Trigger:
    """Return the trigger as it is now.

    Raises:
        SnapshotInvalid: damaged; it will never be readable.
        SnapshotFromFuture: of a later version than this process knows.
    """
    if not patch:
        return base
    if patch[0] > VERSION:
        raise SnapshotFromFuture(f"patch of version {patch[0]}, this process reads up to {VERSION}")
    try:
        fields = _decoder.decode(memoryview(patch)[1:])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SnapshotInvalid(f"patch: {error}") from error
    return base.evolve(
        tags=base.tags if fields.tags is None else fields.tags,
        metadata=base.metadata if fields.metadata is None else fields.metadata,
        metadata_version=fields.metadata_version,
        run_after=fields.run_after or base.run_after,
        paused=fields.paused,
    )


def read(stored: bytes, patch: bytes) -> Trigger:
    """Read a snapshot with what was changed since; raises as `apply` does."""
    return apply(snapshot.decode(stored), patch)
