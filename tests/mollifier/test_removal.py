"""Taking entries out of the buffer."""

import uuid

import pytest
from django_redis import get_redis_connection

from mollifier import buffer, gate, keys, patches, removal, stats
from mollifier.decision import Existing, Mollify, Reason, Room, Scope
from mollifier.entry import Fail, Requeue, State
from mollifier.errors import BufferUnavailable
from mollifier.removal import Removal
from tests.mollifier.makers import ACME, accept, arrival

STAGING, OTHER = Scope("acme", "staging"), Scope("other", "production")


def remove(ids, scope=ACME, *, free_keys=True, version=0):
    return removal.remove(scope, [(id_, version) for id_ in ids], free_keys=free_keys)


def claim(limit=100):
    return buffer.claim(uuid.uuid4().hex, limit, 60_000)


def left_keys():
    return {key.decode() for key in get_redis_connection("buffer").scan_iter()}


def test_what_is_removed_is_gone_with_all_it_counted_for():
    ids = accept(3, room=Room("g", 9))
    assert remove(ids) == [Removal.REMOVED] * 3
    overview = stats.overview()
    assert (overview.buffered, overview.queued, overview.bytes, overview.orgs) == (0, 0, 0, ())
    assert buffer.group_size(ACME, "g") == 0
    assert not [
        key for key in left_keys() if "acme" in key.replace("passes", "") or any(str(id_) in key for id_ in ids)
    ]
    assert claim().entries == ()


def test_it_may_be_in_any_state_but_leased():
    delayed, failed, leased, queued = accept(4)
    token = claim(3).token
    buffer.settle(token, [Requeue(delayed, 60_000, spend_attempt=True, error="x"), Fail(failed, "y")])
    answers = remove([delayed, failed, leased, queued])
    assert answers == [Removal.REMOVED, Removal.REMOVED, Removal.LEASED, Removal.REMOVED]
    assert buffer.read(ACME, leased).state is State.LEASED
    assert stats.overview().buffered == 1


def test_one_that_is_to_be_claimed_alone_can_be_removed():
    (one,) = accept(1)
    for _ in range(2):
        buffer.give_up(claim().token)
    assert buffer.read(ACME, one).lapses == 2
    assert remove([one]) == [Removal.REMOVED]
    assert stats.overview().buffered == 0


def test_one_that_was_changed_since_it_was_read_stays():
    (one,) = accept(1)
    patches.cancel(ACME, one, "by hand")
    assert remove([one]) == [Removal.CHANGED]
    assert remove([one], version=1) == [Removal.REMOVED]


def test_only_entries_of_this_place_can_be_meant():
    (one,) = accept(1)
    assert remove([one, uuid.uuid4()], STAGING) == [Removal.NOT_FOUND] * 2
    assert buffer.read(ACME, one)


def test_its_idempotency_key_is_free_again():
    again = arrival(key="k")
    remove(accept(1, key="k"))
    assert isinstance(gate.admit(again, force=Reason.DATABASE_UNAVAILABLE), Mollify)


def test_or_stays_bound_where_a_row_answers_for_it():
    remove(accept(1, key="k"), free_keys=False)
    assert isinstance(gate.admit(arrival(key="k"), force=Reason.DATABASE_UNAVAILABLE), Existing)
    (binding,) = get_redis_connection("buffer").scan_iter(keys.key("binding") + "*")
    assert get_redis_connection("buffer").pttl(binding) > 0


def test_what_is_left_is_claimed_in_order_and_the_oldest_is_known():
    ids, others = accept(4), accept(1, OTHER)
    remove(ids[:2])
    assert stats.overview().queued == 3
    claimed = [entry.id for entry in claim().entries]
    assert sorted(claimed) == sorted([*ids[2:], *others])
    assert [id_ for id_ in claimed if id_ in ids] == ids[2:]


def test_a_place_that_was_emptied_takes_new_work():
    remove(accept(2))
    accept(1, OTHER)
    (new,) = accept(1)
    assert new in {entry.id for entry in claim().entries}


def test_many_are_removed_in_several_calls():
    ids = accept(removal.AT_ONCE + 5)
    assert remove(ids) == [Removal.REMOVED] * len(ids)


def test_which_ids_are_buffered_is_told():
    ids, nobody = accept(3), uuid.uuid4()
    claim(1)
    assert removal.present([*ids, nobody]) == set(ids)
    assert removal.present([nobody]) == removal.present([]) == set()


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_so():
    with pytest.raises(BufferUnavailable):
        remove([uuid.uuid4()])
    with pytest.raises(BufferUnavailable):
        removal.present([uuid.uuid4()])


def test_an_environment_that_waited_for_what_is_removed_goes_on(settings):
    """Of an ordered one nothing is claimed while another of its entries waits to be claimed alone."""
    settings.MOLLIFIER = {**settings.MOLLIFIER, "ORDERED": True}
    (lapsed,) = accept(1)
    for _ in range(3):
        assert buffer.give_up(claim().token) == 1
    (behind,) = accept(1)
    assert claim().entries == (), "it is the others' turn, and they are parked"
    assert remove([lapsed], version=0) == [Removal.REMOVED]
    assert [entry.id for entry in claim().entries] == [behind]
