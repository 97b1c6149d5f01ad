"""Changing and cancelling what is buffered, in every state, from several at once, within the caps."""

import threading
import uuid

import pytest
from django.test import override_settings
from django_redis import get_redis_connection

from mollifier import buffer, keys, patches, stats
from mollifier.decision import Scope
from mollifier.entry import Applied, Cancelled, CapReached, Fail, NotFound, Requeue, Settle, Settlement, State
from mollifier.errors import BufferUnavailable
from tests.mollifier.makers import ACME, accept

STAGING = Scope("acme", "staging")
LEASE_MS = 60_000


def claim():
    return buffer.claim(uuid.uuid4().hex, 100, LEASE_MS)


def put(one, text: bytes, scope=ACME):
    return patches.apply(scope, one, lambda _: text)


def add(one, text: bytes):
    return patches.apply(ACME, one, lambda entry: entry.patch + text)


def brought_to(one, state: State):
    """Bring a queued entry into a state; return the claim's token while it is leased."""
    if state is State.QUEUED:
        return None
    batch = claim()
    if state is State.DELAYED:
        buffer.settle(batch.token, [Requeue(one, 60_000, True, "x")])
    if state is State.FAILED:
        buffer.settle(batch.token, [Fail(one, "x")])
    return batch.token if state is State.LEASED else None


# Changing.


@pytest.mark.parametrize("state", State)
def test_an_entry_is_changed_in_every_state_and_stays_in_it(state):
    (one,) = accept(1)
    token = brought_to(one, state)
    assert put(one, b"first") == Applied(1)
    assert add(one, b", second") == Applied(2)
    entry = buffer.read(ACME, one)
    assert (entry.state, entry.patch, entry.patch_version) == (state, b"first, second", 2)
    if token:
        assert buffer.settle(token, [Settle(one, 0)]) == [Settlement.PATCHED]
        assert buffer.leased([one])[0].patch == b"first, second"
        assert buffer.settle(token, [Settle(one, 2)]) == [Settlement.SETTLED]
        assert put(one, b"third") == NotFound()


def test_a_change_to_the_same_is_none():
    (one,) = accept(1)
    assert put(one, b"same") == Applied(1)
    assert put(one, b"same") == Applied(1)
    assert put(uuid.uuid4(), b"same") == NotFound()


def test_a_refusal_is_passed_on_and_nothing_is_written():
    (one,) = accept(1)
    assert patches.apply(ACME, one, lambda _: "not like this") == "not like this"
    assert get_redis_connection("buffer").exists(keys.key("side") + str(one)) == 0


def test_changes_of_several_at_once_are_all_kept():
    (one,) = accept(1)
    outcomes = []

    def change(number):
        outcomes.extend(add(one, b"%d.%d," % (number, turn)) for turn in range(10))

    threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = buffer.read(ACME, one).patch.decode().rstrip(",").split(",")
    assert sorted(kept) == sorted(f"{number}.{turn}" for number in range(8) for turn in range(10))
    assert [[each for each in kept if each.startswith(f"{n}.")] for n in range(8)] == [
        [f"{n}.{turn}" for turn in range(10)] for n in range(8)
    ]
    assert sorted(outcome.version for outcome in outcomes) == list(range(1, 81))


def test_a_change_that_meets_another_one_looks_again():
    (one,) = accept(1)
    seen = []

    def change(entry):
        seen.append(entry.patch)
        if len(seen) == 1:
            put(one, b"mine")
        return entry.patch + b" and yours"

    assert patches.apply(ACME, one, change) == Applied(2)
    assert seen == [b"", b"mine"]
    assert buffer.read(ACME, one).patch == b"mine and yours"


def test_an_entry_that_others_change_without_end_is_given_up():
    (one,) = accept(1)

    def change(entry):
        add(one, b".")
        return entry.patch + b"!"

    with pytest.raises(BufferUnavailable):
        patches.apply(ACME, one, change)


def test_what_a_change_adds_is_counted_and_given_back():
    (one,) = accept(1)
    before = stats.overview().bytes
    for text in (b"x" * 100, b"x" * 30, b"x" * 60):
        put(one, text)
        assert stats.overview().bytes == before + len(text)
    patches.cancel(ACME, one, "ten bytes.")
    assert stats.overview().bytes == before + 70
    batch = claim()
    assert buffer.settle(batch.token, [Settle(one, 4)]) == [Settlement.SETTLED]
    assert stats.overview().bytes == 0


@pytest.mark.parametrize("level", ["env", "org", "total"])
def test_a_change_that_a_cap_has_no_room_for_is_refused_and_a_cancellation_is_not(level):
    (one,) = accept(1)
    put(one, b"x" * 50)
    before = stats.overview().bytes
    with override_settings(MOLLIFIER={f"CAP_{level.upper()}_BYTES": before + 10}):
        assert put(one, b"x" * 61) == CapReached(level)
        assert buffer.read(ACME, one).patch == b"x" * 50
        assert put(one, b"x" * 60) == Applied(2)
        assert patches.cancel(ACME, one, "no room needed") == Applied(3)


def test_the_snapshot_and_the_patch_come_back_byte_for_byte():
    text = bytes(range(256)) * 4
    (one,) = accept(1, snapshot=text)
    put(one, text[::-1])
    entry = buffer.read(ACME, one)
    assert (entry.snapshot, entry.patch) == (text, text[::-1])


def test_a_cancelled_entry_tells_its_claim_why():
    (one,) = accept(1)
    assert patches.cancel(ACME, one, "not needed") == Applied(1)
    assert patches.cancel(ACME, one, "again") == Cancelled()
    (entry,) = claim().entries
    assert (entry.cancel_reason, entry.patch_version) == ("not needed", 1)


def test_a_cancel_during_the_write_is_told_to_the_settler():
    (one,) = accept(1)
    batch = claim()
    patches.cancel(ACME, one, "changed my mind")
    assert buffer.settle(batch.token, [Settle(one, 0)]) == [Settlement.PATCHED]
    assert stats.overview().leased == 1
    (entry,) = buffer.leased([one])
    assert entry.cancel_reason == "changed my mind"
    assert buffer.settle(batch.token, [Settle(one, entry.patch_version)]) == [Settlement.SETTLED]
    assert stats.overview().bytes == 0


@pytest.mark.parametrize("report", [Requeue, Fail])
def test_a_cancelled_retry_or_dead_letter_becomes_due_at_once(report):
    (one,) = accept(1)
    batch = claim()
    buffer.settle(batch.token, [Requeue(one, 60_000, True, "x") if report is Requeue else Fail(one, "x")])
    assert patches.cancel(ACME, one, "enough") == Applied(1)
    (entry,) = claim().entries
    assert entry.cancel_reason == "enough"


def test_another_place_can_not_cancel_or_read():
    (one,) = accept(1)
    for scope in (STAGING, Scope("other", ACME.env)):
        assert patches.cancel(scope, one, "x") == NotFound()
        assert buffer.read(scope, one) is None
    assert patches.cancel(ACME, uuid.uuid4(), "x") == NotFound()


def test_what_a_patch_adds_is_counted_in_bytes():
    (one,) = accept(1)
    before = stats.overview().bytes
    patches.cancel(ACME, one, "ten bytes.")
    assert stats.overview().bytes == before + 10
