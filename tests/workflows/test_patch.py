"""What was changed of a buffered trigger, as bytes and back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tenants import trigger
from workflows import patch, snapshot
from workflows.snapshot import SnapshotFromFuture, SnapshotInvalid

BASE = trigger(tags=("a",), metadata=b'{"n":1.50,"l":[]}')
CHANGES = [
    {"tags": ("b", "é")},
    {"tags": ()},
    {"metadata": b'{ "z" : [] }', "metadata_version": 3},
    {"run_after": datetime(2030, 1, 1, tzinfo=UTC)},
    {"paused": True},
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_read_back_with_its_snapshot(change):
    changed = BASE.evolve(**change)
    assert patch.read(snapshot.encode(BASE), patch.encode(BASE, changed)) == changed


def test_nothing_changed_is_the_trigger_itself():
    assert patch.apply(BASE, b"") is BASE
    assert patch.apply(BASE, patch.encode(BASE, BASE)) == BASE


def test_what_was_not_changed_costs_no_bytes():
    large = BASE.evolve(metadata=b'{"x":"' + b"x" * 60_000 + b'"}')
    assert len(patch.encode(large, large.evolve(tags=("vip",)))) < 30


def test_a_later_version_is_told_from_damage():
    with pytest.raises(SnapshotFromFuture):
        patch.apply(BASE, b"\x02anything")


@given(st.binary(max_size=20).map(lambda tail: b"\x01" + tail))
def test_damage_is_named(damaged):
    with pytest.raises(SnapshotInvalid):
        patch.apply(BASE, damaged)
