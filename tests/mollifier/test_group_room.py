"""The room of a group: what is buffered of it is counted with the decision, exactly, however many ask at once."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django_redis import get_redis_connection

from mollifier import buffer, deadletters, gate, keys, patches, stats, stored
from mollifier.decision import (
    DuplicateSend,
    Existing,
    Mismatch,
    Mode,
    Mollify,
    NoRoom,
    Passed,
    PassThrough,
    Reason,
    Room,
    Scope,
    ShadowLog,
)
from mollifier.entry import Fail, Requeue, Settle, Settlement, State
from mollifier.errors import BufferUnavailable
from tests.mollifier.makers import ACME, NOW_MS, accept, arrival

STAGING = Scope("acme", "staging")
FORCE = Reason.DATABASE_UNAVAILABLE
GROUP = "orders / created"
PLENTY = Room(GROUP, 100)
THREADS = 16


def ask(left, group=GROUP, *, force=FORCE, **fields):
    return gate.admit(arrival(room=Room(group, left), **fields), now_ms=NOW_MS, force=force)


def claim():
    return buffer.claim(uuid.uuid4().hex, 100, 60_000)


def fields_of(scope=ACME):
    return {name for name in get_redis_connection("buffer").hkeys(keys.key("env") + keys.place(scope)) if b":" in name}


# What is decided.


@pytest.mark.parametrize("force", [None, FORCE])
def test_as_many_as_there_is_room_for_are_buffered_and_the_next_is_not(force):
    accept(1)
    assert [type(ask(3, force=force)) for _ in range(4)] == [Mollify, Mollify, Mollify, NoRoom]
    assert ask(3, force=force) == NoRoom(3)
    assert isinstance(ask(4, force=force), Mollify)


@pytest.mark.parametrize("left", [0, -7])
def test_without_room_nothing_passes_either(left):
    assert ask(left, force=None) == NoRoom(0)


def test_what_passes_takes_no_room_here():
    assert [ask(1, force=None, limit=0) for _ in range(3)] == [PassThrough(Passed.ROOM)] * 3
    assert buffer.group_size(ACME, GROUP) == 0


def test_a_refusal_writes_binds_remembers_and_counts_no_pass():
    refused = arrival(key="k", sent_as="r-1", limit=1, room=Room(GROUP, 0))
    assert gate.admit(refused, now_ms=NOW_MS) == NoRoom(0)
    left = {key.decode() for key in get_redis_connection("buffer").scan_iter()}
    assert left == {keys.key("counters")}
    assert stats.decisions() == {("no_room", ""): 1}
    assert gate.admit(arrival(key="k", sent_as="r-1", limit=1), now_ms=NOW_MS) == PassThrough(Passed.ROOM)


def test_groups_and_environments_are_counted_apart():
    assert isinstance(ask(1), Mollify)
    assert isinstance(ask(1, "another"), Mollify)
    assert isinstance(ask(1, scope=STAGING), Mollify)
    assert isinstance(ask(1, scope=Scope("other", ACME.env)), Mollify)
    accept(2)
    assert [ask(1), ask(1, "another"), ask(1, scope=STAGING)] == [NoRoom(1)] * 3


def test_what_is_known_already_is_answered_as_known():
    sent, kept = arrival(sent_as="r-1", room=PLENTY, limit=0), arrival(key="k", room=PLENTY)
    gate.admit(sent)
    gate.admit(kept, force=FORCE)
    assert gate.admit(arrival(sent_as="r-1", room=Room(GROUP, 0))) == DuplicateSend(sent.id, accepted=False)
    again = gate.admit(arrival(key="k", room=Room(GROUP, 0)))
    assert isinstance(again, Existing)
    assert again.id == kept.id
    assert gate.admit(arrival(key="k", fingerprint="f2", room=Room(GROUP, 0))) == Mismatch(kept.id)


@pytest.mark.parametrize("key", [None, "k"])
def test_an_id_that_is_kept_is_counted_once_and_never_refused_again(key):
    one = arrival(key=key, room=Room(GROUP, 1))
    for _ in range(3):
        assert isinstance(gate.admit(one, force=FORCE), Mollify)
    assert ask(1) == NoRoom(1)
    assert buffer.group_size(ACME, GROUP) == 1


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.MIRROR])
def test_what_only_reports_refuses_nothing_and_keeps_no_group(mode):
    assert ask(0, force=None, mode=mode, limit=1) == PassThrough(Passed.ROOM)
    decision = ask(0, force=None, mode=mode, limit=1)
    assert not isinstance(decision, PassThrough | NoRoom)
    assert isinstance(decision, ShadowLog) is (mode is Mode.SHADOW)
    assert buffer.group_size(ACME, GROUP) == 0


def test_a_batch_takes_room_one_by_one():
    decisions = gate.admit_many([arrival(room=Room(GROUP, 2)) for _ in range(4)], force=FORCE)
    assert [type(each) for each in decisions] == [Mollify, Mollify, NoRoom, NoRoom]


@pytest.mark.parametrize("kept_before", [0, 5])
def test_many_who_ask_at_once_never_overshoot(kept_before):
    if kept_before:
        accept(kept_before, room=PLENTY)
    with ThreadPoolExecutor(THREADS) as threads:
        parts = list(threads.map(lambda _: [type(ask(20)) for _ in range(10)], range(THREADS)))
    kinds = Counter(kind for part in parts for kind in part)
    assert kinds == {Mollify: 20 - kept_before, NoRoom: 140 + kept_before}
    assert stats.overview().buffered == buffer.group_size(ACME, GROUP) == 20


def test_room_that_drains_while_many_ask_is_given_out_once():
    accept(10, room=PLENTY)
    batch = claim()

    def drain():
        for entry in batch.entries:
            buffer.settle(batch.token, [Settle(entry.id, 0)])
        return []

    with ThreadPoolExecutor(THREADS) as threads:
        drained = threads.submit(drain)
        parts = list(threads.map(lambda _: [type(ask(10)) for _ in range(20)], range(THREADS - 1)))
        drained.result()
    accepted = sum(part.count(Mollify) for part in parts)
    assert buffer.group_size(ACME, GROUP) == accepted <= 10


@pytest.mark.parametrize("drained", range(4))
def test_a_limit_over_rows_and_entries_is_held_whenever_entries_become_rows(drained):
    """As a guard does it that has a lock for its group: what is buffered, then the rows, then the gate."""
    limit, rows = 5, set()

    def drain_at(moment):
        if moment == drained:
            batch = claim()
            rows.update(entry.id for entry in batch.entries)
            buffer.settle(batch.token, [Settle(entry.id, 0) for entry in batch.entries])

    accept(4, room=PLENTY)
    for _ in range(4):
        drain_at(0)
        buffered = buffer.group_size(ACME, GROUP)
        drain_at(1)
        started = len(rows)
        drain_at(2)
        if buffered + started < limit:
            ask(limit - started)
        drain_at(3)
        assert len(rows) + buffer.group_size(ACME, GROUP) <= limit
    assert len(rows) + buffer.group_size(ACME, GROUP) == limit


# What is counted, in every state until it is gone.


def test_an_entry_is_counted_until_it_leaves_the_buffer():
    accept(3, room=PLENTY)
    accept(2)
    batch = claim()
    assert buffer.group_size(ACME, GROUP) == 3, "leased"
    one, two, three = (entry.id for entry in batch.entries[:3])
    buffer.settle(batch.token, [Requeue(one, 60_000, True, "later"), Fail(two, "dead")])
    assert buffer.read(ACME, one).state is State.DELAYED
    assert buffer.read(ACME, two).state is State.FAILED
    assert buffer.group_size(ACME, GROUP) == 3, "delayed and failed"
    assert buffer.settle(batch.token, [Settle(three, 0)]) == [Settlement.SETTLED]
    assert buffer.group_size(ACME, GROUP) == 2
    assert buffer.settle(batch.token, [Settle(three, 0)]) == [Settlement.LOST_LEASE]
    deadletters.redrive(ACME, two)
    buffer.settle(claim().token, [Fail(two, "again")])
    assert buffer.group_size(ACME, GROUP) == 2
    deadletters.discard(ACME, two)
    assert buffer.group_size(ACME, GROUP) == 1
    patches.cancel(ACME, one, "enough")
    last = claim()
    assert buffer.group_size(ACME, GROUP) == 1, "cancelled, but not gone"
    buffer.settle(last.token, [Settle(one, 1)])
    assert fields_of() == set()
    assert stats.overview().leased == 2, "those of no group"


def test_what_a_dead_drainer_held_is_counted_once():
    accept(2, room=PLENTY)
    for _ in range(3):
        token = uuid.uuid4().hex
        assert buffer.claim(token, 100, 60_000).entries
        buffer.give_up(token)
    assert buffer.group_size(ACME, GROUP) == 2
    for _ in range(2):
        alone = claim()
        buffer.settle(alone.token, [Settle(entry.id, 0) for entry in alone.entries])
    assert buffer.group_size(ACME, GROUP) == 0


def test_a_batch_of_several_groups_and_places_is_counted_down_for_each():
    for scope in (ACME, STAGING):
        for group in ("a", "b"):
            accept(2, scope, room=Room(group, 9))
    batch = claim()
    kept = {(entry.scope, number % 2): entry.id for number, entry in enumerate(batch.entries)}
    buffer.settle(batch.token, [Settle(entry.id, 0) for entry in batch.entries if entry.id not in kept.values()])
    assert sum(buffer.group_size(scope, group) for scope in (ACME, STAGING) for group in ("a", "b")) == 4
    buffer.settle(batch.token, [Settle(one, 0) for one in kept.values()])
    assert list(get_redis_connection("buffer").scan_iter(keys.key("env") + "*")) == []


def test_a_key_and_a_group_beside_each_other_are_both_set_free():
    first = arrival(key="k", room=PLENTY)
    gate.admit(first, force=FORCE)
    name = f"{keys.key('binding')}{keys.place(ACME)}:{keys.digest(first.binding)}"
    redis = get_redis_connection("buffer")
    assert redis.pttl(name) == -1
    batch = claim()
    buffer.settle(batch.token, [Settle(first.id, 0)])
    assert redis.pttl(name) > 0
    second = arrival(key="k2", room=PLENTY)
    gate.admit(second, force=FORCE)
    buffer.settle(claim().token, [Fail(second.id, "dead")])
    deadletters.discard(ACME, second.id)
    assert not redis.exists(name.replace(keys.digest(first.binding), keys.digest(second.binding)))
    assert stats.overview().bytes == 0


def test_an_entry_with_a_group_reads_as_one_without():
    (one,) = accept(1, room=PLENTY, snapshot=b"\x00 any\n", key="k")
    redis = get_redis_connection("buffer")
    entry = stored.parse(one, State.QUEUED, redis.get(keys.key("entry") + str(one)), None)
    assert (entry.scope, entry.snapshot, entry.reason) == (ACME, b"\x00 any\n", FORCE)
    assert entry == buffer.read(ACME, one)


@pytest.mark.usefixtures("no_redis")
def test_without_redis_the_gate_passes_and_the_count_says_so():
    assert ask(0, force=None) == PassThrough(Passed.FAIL_OPEN)
    with pytest.raises(BufferUnavailable):
        buffer.group_size(ACME, GROUP)
