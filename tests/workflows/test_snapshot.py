"""A trigger as bytes and back."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from tests.tenants import trigger
from workflows import snapshot
from workflows.snapshot import SnapshotFromFuture, SnapshotInvalid


def test_a_trigger_comes_back_as_it_was():
    sent = trigger(
        tags=("a", "b"),
        metadata=b'{ "z":1 }',
        idempotency_key="k",
        run_after=datetime(2030, 1, 1, tzinfo=UTC),
        parent_id=uuid7(),
        depth=3,
        event_type="order.created",
        event_key="evt-1",
        cause=uuid7(),
        chain=("a", "b", "c"),
    )
    assert snapshot.decode(snapshot.encode(sent)) == sent


@given(st.binary())
def test_the_payload_comes_back_byte_for_byte(payload):
    assert snapshot.decode(snapshot.encode(trigger(payload=payload))).payload == payload


def test_the_frame_is_small():
    sent = trigger()
    assert len(snapshot.encode(sent)) < 150 + len(sent.payload)


def test_what_was_stored_before_a_field_was_added_is_still_read():
    ids = [UUID(int=number).bytes for number in range(5)]
    then = datetime(2026, 1, 1, tzinfo=UTC)
    fields = [*ids[:3], "greet", 4, 5, b"{}", "api", then, ids[3], b'{"m":1}', ["a"], "k", None, ids[4], 8]
    read = snapshot.decode(b"\x01" + msgspec.msgpack.encode(fields))
    assert (read.id.int, read.org_id.int, read.env_id.int, read.root_id.int, read.parent_id.int) == (0, 1, 2, 3, 4)
    assert (read.version, read.shard, read.depth, read.tags, read.idempotency_key) == (4, 5, 8, ("a",), "k")
    assert (read.payload, read.accepted_at, read.metadata) == (b"{}", then, b'{"m":1}')
    assert (read.run_after, read.bufferable) == (None, True)
    assert (read.event_type, read.event_key, read.cause, read.chain) == (None, None, None, ())


def test_a_later_version_is_told_from_damage():
    with pytest.raises(SnapshotFromFuture):
        snapshot.decode(b"\x02anything")


@given(st.binary(max_size=300).map(lambda tail: b"\x01" + tail) | st.just(b""))
def test_damage_is_named(damaged):
    with pytest.raises(SnapshotInvalid):
        snapshot.decode(damaged)
