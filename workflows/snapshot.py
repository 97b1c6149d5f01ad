"""A trigger as stored bytes: one version byte, then MessagePack without field names."""

import msgspec

from workflows.trigger import Trigger

VERSION = 1


class SnapshotInvalid(Exception):
    """The bytes are not a snapshot."""

    code = "snapshot_invalid"


class SnapshotFromFuture(Exception):
    """A newer process wrote it; one of its kind can read it."""

    code = "snapshot_from_future"


_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_decoder = msgspec.msgpack.Decoder(Trigger)


def encode(trigger: Trigger) -> bytes:
    return b"\x01" + _encoder.encode(trigger)


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
        return _decoder.decode(memoryview(snapshot)[1:])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SnapshotInvalid(str(error)) from error
