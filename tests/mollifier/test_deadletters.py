import uuid

import pytest
from django_redis import get_redis_connection

from mollifier import buffer, deadletters, gate, keys, stats
from mollifier.decision import Existing, Mollify, Reason, Scope
from mollifier.entry import DeadLetterOutcome, Fail, Settle, Settlement, State
from mollifier.errors import BufferUnavailable
from tests.mollifier.makers import ACME, accept, arrival

STAGING = Scope("acme", "staging")


def claim():
    return buffer.claim(uuid.uuid4().hex, 100, 60_000)


def make_letter(**fields):
    (one,) = accept(1, **fields)
    assert buffer.settle(claim().token, [Fail(one, "why")]) == [Settlement.FAILED]
    return one


def test_a_redriven_letter_is_claimed_again_as_if_it_were_new():
    one = make_letter()
    assert deadletters.redrive(ACME, one) is DeadLetterOutcome.REDRIVEN
    (entry,) = claim().entries
    assert (entry.id, entry.attempts, entry.lapses, entry.first_failed_at) == (one, 0, 0, None)


def test_a_redriven_letter_returns_to_its_old_place():
    first = make_letter()
    accept(2)
    deadletters.redrive(ACME, first)
    assert claim().entries[0].id == first


def test_a_discarded_letter_is_gone_with_all_it_counted_for():
    one = make_letter()
    assert deadletters.discard(ACME, one) is DeadLetterOutcome.DISCARDED
    assert buffer.read(ACME, one) is None
    overview = stats.overview()
    assert (overview.buffered, overview.bytes, overview.failed) == (0, 0, 0)
    left = {key.decode() for key in get_redis_connection("buffer").scan_iter()}
    assert not [key for key in left if str(one) in key or "acme" in key.replace("passes", "")]


def test_a_discarded_letter_frees_its_idempotency_key():
    one = make_letter(key="k")
    again = arrival(key="k")
    assert isinstance(gate.admit(again, force=Reason.DATABASE_UNAVAILABLE), Existing)
    deadletters.discard(ACME, one)
    assert isinstance(gate.admit(again, force=Reason.DATABASE_UNAVAILABLE), Mollify)


def test_the_key_of_another_entry_is_left_alone():
    one = make_letter(key="k")
    binding = next(iter(get_redis_connection("buffer").scan_iter(keys.key("binding") + "*")))
    get_redis_connection("buffer").set(binding, f"{uuid.uuid4()} f1 1")
    deadletters.discard(ACME, one)
    assert get_redis_connection("buffer").exists(binding)


@pytest.mark.parametrize("verb", [deadletters.redrive, deadletters.discard])
def test_only_a_dead_letter_of_this_place_can_be_meant(verb):
    (one,) = accept(1)
    assert verb(ACME, one) is DeadLetterOutcome.NOT_FAILED
    assert verb(STAGING, one) is DeadLetterOutcome.NOT_FOUND
    assert verb(ACME, uuid.uuid4()) is DeadLetterOutcome.NOT_FOUND
    claimed = claim()
    assert verb(ACME, one) is DeadLetterOutcome.NOT_FAILED
    assert buffer.settle(claimed.token, [Settle(one, 0)])


def test_a_letter_of_another_version_can_be_discarded():
    one = make_letter()
    redis = get_redis_connection("buffer")
    name = keys.key("entry") + str(one)
    redis.set(name, redis.get(name).replace(b"1 ", b"9 ", 1))
    assert deadletters.discard(ACME, one) is DeadLetterOutcome.DISCARDED


def test_twice_redriven_is_once():
    one = make_letter()
    deadletters.redrive(ACME, one)
    assert deadletters.redrive(ACME, one) is DeadLetterOutcome.NOT_FAILED
    assert buffer.read(ACME, one).state is State.QUEUED


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_so():
    for verb in (deadletters.redrive, deadletters.discard):
        with pytest.raises(BufferUnavailable):
            verb(ACME, uuid.uuid4())


def test_a_redriven_letter_of_a_newer_version_is_a_dead_letter_again():
    """Whoever redrives too soon, before every process knows its form, loses nothing."""
    (one,) = accept(1)
    name = keys.key("entry") + str(one)
    redis = get_redis_connection("buffer")
    redis.set(name, b"2" + redis.get(name)[1:])
    for _ in range(2):
        lapsed = claim()
        assert [each.id for each in lapsed.unreadable] == [one]
        assert buffer.give_up(lapsed.token) == 1
    for _ in range(2):
        taken = claim()
        assert [each.id for each in taken.unreadable] == [one]
        assert buffer.settle(taken.token, [Fail(one, "of a newer version")]) == [Settlement.FAILED]
        assert deadletters.redrive(ACME, one) is DeadLetterOutcome.REDRIVEN
    assert stats.counters().get("orphaned", 0) == 0
    assert stats.overview().queued == 1


def test_an_entry_of_no_known_form_that_lapsed_is_a_dead_letter():
    (one,) = accept(1)
    get_redis_connection("buffer").set(keys.key("entry") + str(one), b"of no known form\nx")
    assert buffer.give_up(claim().token) == 1
    overview = stats.overview()
    assert (overview.failed, overview.leased, overview.buffered) == (1, 0, 1)
