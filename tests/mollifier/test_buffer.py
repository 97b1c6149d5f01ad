import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django_redis import get_redis_connection

from mollifier import buffer, gate, keys, pages, patches, stats
from mollifier.decision import Mode, Passed, PassThrough, Reason, Scope
from mollifier.entry import Fail, Requeue, Settle, Settlement, State
from mollifier.errors import BufferUnavailable
from tests.mollifier.makers import ACME, NOW_MS, accept, arrival, ordered_id

STAGING = Scope("acme", "staging")
LEASE_MS = 60_000


def claim(limit=1000, now_ms=0.0, lease_ms=LEASE_MS):
    return buffer.claim(uuid.uuid4().hex, limit, lease_ms, now_ms=now_ms)


def ids_of(batch):
    return [entry.id for entry in batch.entries]


def settle_all(batch, **clock):
    return buffer.settle(batch.token, [Settle(entry.id, entry.patch_version) for entry in batch.entries], **clock)


def states():
    overview = stats.overview()
    return overview.queued, overview.delayed, overview.leased, overview.failed


# Claiming.


def test_a_claim_returns_what_was_accepted_in_accept_order():
    ids = accept(5, now_ms=NOW_MS, snapshot=b'{"a":[]}')
    batch = claim()
    assert ids_of(batch) == ids
    first = batch.entries[0]
    assert first.scope == ACME
    assert first.snapshot == b'{"a":[]}'
    assert first.state is State.LEASED
    assert (first.mode, first.reason) == (Mode.ON, Reason.DATABASE_UNAVAILABLE)
    assert first.accepted_at == datetime.fromtimestamp(NOW_MS / 1000, UTC)
    assert (first.attempts, first.lapses, first.patch_version, first.cancel_reason, first.error) == (
        0,
        0,
        0,
        None,
        None,
    )


def test_a_claim_takes_no_more_than_its_limit():
    ids = accept(5)
    assert ids_of(claim(2)) == ids[:2]
    assert ids_of(claim(2)) == ids[2:4]
    assert ids_of(claim(2)) == ids[4:]
    assert claim(2).entries == ()


def test_the_same_token_claims_the_same_entries():
    accept(5)
    first = buffer.claim("token", 3, LEASE_MS)
    again = buffer.claim("token", 3, LEASE_MS)
    assert again.token == first.token
    assert sorted(again.entries, key=lambda entry: entry.seq) == list(first.entries)


def test_a_claim_takes_no_more_than_its_bytes_but_always_one(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CLAIM_BYTES": 2_500}
    ids = accept(3, snapshot=b"x" * 1_000) + accept(2, snapshot=b"x" * 9_000)
    assert ids_of(claim()) == ids[:2]
    assert ids_of(claim()) == ids[2:3]
    assert ids_of(claim()) == ids[3:4]
    assert ids_of(claim()) == ids[4:]


def test_a_large_entry_of_one_org_leaves_no_work_behind(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CLAIM_BYTES": 1_500}
    large = accept(1, snapshot=b"x" * 9_000)
    small = accept(3, Scope("other", "production"), snapshot=b"x" * 100)
    taken = []
    while batch := claim().entries:
        taken += [entry.id for entry in batch]
    assert sorted(taken) == sorted(large + small)


# Settling.


def test_settled_entries_are_gone_and_leave_no_key_behind():
    accept(3)
    accept(2, STAGING)
    batch = claim()
    assert settle_all(batch) == [Settlement.SETTLED] * 5
    left = {key.decode().split(":", 2)[2].split(":")[0] for key in get_redis_connection("buffer").scan_iter("*")}
    assert left <= {"totals", "counters", "flow", "pending"}
    assert states() == (0, 0, 0, 0)
    assert stats.overview().bytes == 0


def test_settling_again_loses_nothing_and_changes_nothing():
    accept(2)
    batch = claim()
    settle_all(batch)
    accept(1)
    assert settle_all(batch) == [Settlement.LOST_LEASE] * 2
    assert states() == (1, 0, 0, 0)


def test_answers_come_in_the_order_of_the_reports():
    first, second, third, fourth = accept(4)
    batch = claim()
    reports = [
        Fail(first, "no"),
        Settle(second, 0),
        Requeue(third, 1_000, True, "later"),
        Settle(uuid.uuid4(), 0),
        Settle(fourth, 1),
    ]
    assert buffer.settle(batch.token, reports) == [
        Settlement.FAILED,
        Settlement.SETTLED,
        Settlement.REQUEUED,
        Settlement.LOST_LEASE,
        Settlement.SETTLED,
    ]
    assert states() == (0, 1, 0, 1)


def test_no_reports_ask_nothing():
    assert buffer.settle("nobody", []) == []


def test_an_entry_given_back_at_once_is_at_its_old_place_and_spends_nothing():
    ids = accept(3)
    batch = claim(2)
    buffer.settle(batch.token, [Requeue(one, 0, False, "connection refused") for one in ids[:2]])
    assert states() == (3, 0, 0, 0)
    again = claim()
    assert ids_of(again) == ids
    assert [entry.attempts for entry in again.entries] == [0, 0, 0]
    assert again.entries[0].error == "connection refused"


def test_a_retry_waits_for_its_time_and_remembers_its_first_failure():
    (one,) = accept(1, now_ms=NOW_MS)
    batch = claim(now_ms=NOW_MS)
    buffer.settle(batch.token, [Requeue(one, 5_000, True, "division by zero")], now_ms=NOW_MS + 10)
    assert states() == (0, 1, 0, 0)
    assert claim(now_ms=NOW_MS + 5_009).entries == ()
    (entry,) = claim(now_ms=NOW_MS + 5_010).entries
    assert (entry.attempts, entry.error) == (1, "division by zero")
    assert entry.first_failed_at == datetime.fromtimestamp(NOW_MS / 1000, UTC) + timedelta(milliseconds=10)


def test_a_delayed_retry_is_no_backlog_for_new_triggers():
    (one,) = accept(1)
    batch = claim()
    buffer.settle(batch.token, [Requeue(one, 60_000, True, "x")])
    assert gate.admit(arrival()) == PassThrough(Passed.ROOM)


def test_a_dead_letter_stays_readable_with_its_error():
    (one,) = accept(1, snapshot=b"kept")
    buffer.settle(claim().token, [Fail(one, "x" * 5_000)])
    entry = buffer.read(ACME, one)
    assert (entry.state, entry.snapshot, len(entry.error)) == (State.FAILED, b"kept", buffer.ERROR_CHARACTERS)
    assert claim().entries == ()


# Leases.


def test_an_extended_lease_is_not_reclaimed():
    accept(1)
    batch = claim(now_ms=NOW_MS, lease_ms=1_000)
    assert buffer.extend(batch.token, 5_000, now_ms=NOW_MS)
    assert buffer.reclaim(now_ms=NOW_MS + 4_999) == 0
    assert buffer.reclaim(now_ms=NOW_MS + 5_000) == 1
    assert not buffer.extend(batch.token, 5_000, now_ms=NOW_MS)


def test_entries_of_an_expired_lease_return_in_order_with_a_lapse_and_no_attempt_spent():
    ids = accept(4)
    lost = claim(2, now_ms=NOW_MS, lease_ms=1_000)
    assert buffer.reclaim(now_ms=NOW_MS + 999) == 0
    assert buffer.reclaim(now_ms=NOW_MS + 1_000) == 2
    again = claim(now_ms=NOW_MS + 1_000)
    assert ids_of(again) == ids
    assert [(entry.lapses, entry.attempts) for entry in again.entries] == [(1, 0), (1, 0), (0, 0), (0, 0)]
    assert settle_all(lost) == [Settlement.LOST_LEASE] * 2
    assert settle_all(again) == [Settlement.SETTLED] * 4


def test_reclaim_does_no_more_than_it_may():
    accept(5)
    claim(5, now_ms=NOW_MS, lease_ms=1_000)
    assert [buffer.reclaim(2, now_ms=NOW_MS + 1_000) for _ in range(4)] == [2, 2, 1, 0]
    assert states() == (5, 0, 0, 0)


def test_an_entry_that_lapsed_twice_is_claimed_alone_and_then_spends_attempts():
    ids = accept(3)
    clock = NOW_MS
    for _ in range(2):
        assert len(claim(2, now_ms=clock, lease_ms=1_000).entries) == 2
        clock += 1_000
        buffer.reclaim(now_ms=clock)
    assert states()[0] == 3
    alone = claim(now_ms=clock, lease_ms=1_000)
    assert ids_of(alone) == ids[:1]
    assert (alone.entries[0].lapses, alone.entries[0].attempts) == (2, 0)
    assert ids_of(claim(now_ms=clock)) == ids[2:], "one alone, then everybody else"
    assert ids_of(claim(now_ms=clock)) == ids[1:2]
    buffer.reclaim(now_ms=clock + 1_000)
    (entry,) = claim(now_ms=clock + 1_000).entries
    assert (entry.id, entry.lapses, entry.attempts) == (ids[0], 3, 1)


# Reading.


def test_an_entry_is_read_in_every_state_until_it_is_gone():
    (one,) = accept(1)
    seen = [buffer.read(ACME, one).state]
    batch = claim()
    seen.append(buffer.read(ACME, one).state)
    buffer.settle(batch.token, [Requeue(one, 1, True, "x")])
    seen.append(buffer.read(ACME, one).state)
    batch = claim(now_ms=NOW_MS * 2)
    buffer.settle(batch.token, [Fail(one, "x")])
    seen.append(buffer.read(ACME, one).state)
    assert seen == [State.QUEUED, State.LEASED, State.DELAYED, State.FAILED]
    patches.cancel(ACME, one, "x")
    settle_all(claim())
    assert buffer.read(ACME, one) is None


def test_entries_lists_every_state_oldest_first():
    ids = accept(6)
    other = accept(1, Scope("other", "production"))
    batch = claim(4)
    mine = [entry.id for entry in batch.entries if entry.scope == ACME]
    buffer.settle(batch.token, [Fail(mine[0], "x"), Requeue(mine[1], 60_000, True, "x")])
    assert [entry.id for entry in pages.oldest(100, ACME.org)] == ids
    assert [entry.id for entry in pages.oldest(100)] == ids + other
    assert [entry.id for entry in pages.oldest(2)] == ids[:2]


# When something is wrong.


def test_an_entry_of_an_unknown_form_is_handed_out_as_unreadable():
    (one,) = accept(1)
    redis = get_redis_connection("buffer")
    name = keys.key("entry") + str(one)
    redis.set(name, redis.get(name).replace(b"1 ", b"9 ", 1))
    batch = claim()
    assert batch.entries == ()
    assert [each.id for each in batch.unreadable] == [one]
    assert buffer.settle(batch.token, [Fail(one, batch.unreadable[0].error)]) == [Settlement.FAILED]


def test_an_id_without_an_entry_is_handed_out_as_unreadable_too():
    (one,) = accept(1)
    get_redis_connection("buffer").delete(keys.key("entry") + str(one))
    assert [each.id for each in claim().unreadable] == [one]


@pytest.mark.usefixtures("no_redis")
def test_without_redis_every_call_says_so():
    calls = [
        lambda: buffer.claim("t", 1, 1),
        lambda: buffer.settle("t", [Settle(uuid.uuid4(), 0)]),
        lambda: buffer.extend("t", 1),
        buffer.reclaim,
        lambda: patches.cancel(ACME, uuid.uuid4(), "x"),
        lambda: patches.apply(ACME, uuid.uuid4(), lambda _: b"x"),
        lambda: buffer.read(ACME, uuid.uuid4()),
        lambda: pages.newest(ACME, None, 1),
        lambda: pages.oldest(1),
    ]
    for call in calls:
        with pytest.raises(BufferUnavailable):
            call()


def test_many_entries_are_read_in_one_exchange():
    ids = accept(50)
    accept(1, STAGING)
    redis = get_redis_connection("buffer")
    before = redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert [entry.id for entry in buffer.read_many(ACME, [uuid.uuid4(), *ids])] == ids
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1
    assert buffer.read_many(STAGING, ids) == []


def test_what_one_exchange_reads_is_bounded_in_bytes(monkeypatch):
    monkeypatch.setattr(buffer, "READ_BYTES", 2_500)
    ids = [ordered_id(number) for number in range(10)]
    accept(10, ids=ids, snapshot=b"x" * 1_000)
    assert [entry.id for entry in buffer.read_many(ACME, ids)] == ids
