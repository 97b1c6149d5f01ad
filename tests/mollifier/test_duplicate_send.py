"""The same request twice: a caller whose answer was lost sends it again, and only one trigger comes of it."""

import uuid

import pytest
from django_redis import get_redis_connection

from mollifier import gate, keys, stats
from mollifier.decision import DuplicateSend, Existing, Full, Mode, Mollify, Passed, PassThrough, Reason, Scope
from tests.mollifier.makers import ACME, NOW_MS, accept, arrival

STAGING = Scope("acme", "staging")
ROOM = PassThrough(Passed.ROOM)


def test_what_passed_is_passed_under_its_first_id_and_counted_once():
    first = arrival(sent_as="r-1", limit=1)
    assert gate.admit(first, now_ms=NOW_MS) == ROOM
    for _ in range(3):
        assert gate.admit(arrival(sent_as="r-1", limit=1), now_ms=NOW_MS) == DuplicateSend(first.id, accepted=False)
    assert stats.decisions() == {("passed", "room"): 1, ("duplicate_send", ""): 3}


def test_what_was_accepted_is_kept_once():
    accept(1)
    first = arrival(sent_as="r-1")
    assert isinstance(gate.admit(first), Mollify)
    assert gate.admit(arrival(sent_as="r-1")) == DuplicateSend(first.id, accepted=True)
    assert stats.overview().buffered == 2


@pytest.mark.parametrize("other", [{"sent_as": "r-2"}, {"sent_as": None}, {"scope": STAGING, "sent_as": "r-1"}])
def test_another_request_is_another_trigger(other):
    gate.admit(arrival(sent_as="r-1"))
    assert gate.admit(arrival(**other)) == ROOM


def test_it_goes_before_the_idempotency_key():
    first = arrival(sent_as="r-1", key="o-1")
    gate.admit(first)
    assert gate.admit(arrival(sent_as="r-1", key="o-1")) == DuplicateSend(first.id, accepted=False)
    assert isinstance(gate.admit(arrival(sent_as="r-2", key="o-1")), Existing)


def test_a_refused_request_may_be_sent_again(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 1}
    accept(1)
    assert isinstance(gate.admit(arrival(sent_as="r-1")), Full)
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 2}
    assert isinstance(gate.admit(arrival(sent_as="r-1")), Mollify)


def test_a_forced_accept_is_no_duplicate_of_the_pass_before_it():
    one = arrival(sent_as="r-1")
    gate.admit(one)
    assert isinstance(gate.admit(one, force=Reason.DATABASE_UNAVAILABLE), Mollify)
    assert gate.admit(arrival(sent_as="r-1")) == DuplicateSend(one.id, accepted=False)


def test_shadow_remembers_nothing():
    for _ in range(2):
        assert gate.admit(arrival(sent_as="r-1", mode=Mode.SHADOW)) == ROOM


def test_it_is_remembered_for_ten_minutes():
    gate.admit(arrival(sent_as="r-1"))
    (name,) = get_redis_connection("buffer").scan_iter(keys.key("sent") + "*")
    assert name.decode().startswith(keys.key("sent") + keys.place(ACME))
    assert 590_000 < get_redis_connection("buffer").pttl(name) <= 600_000


def test_a_batch_that_is_sent_again_adds_nothing():
    batch = [arrival(sent_as=f"r-1 {at}", limit=3) for at in range(6)]
    first = gate.admit_many(batch, now_ms=NOW_MS)
    assert [type(decision) for decision in first] == [PassThrough] * 3 + [Mollify] * 3
    again = gate.admit_many([arrival(sent_as=f"r-1 {at}", limit=3) for at in range(6)], now_ms=NOW_MS)
    assert again == [DuplicateSend(each.id, accepted=at > 2) for at, each in enumerate(batch)]


def test_bindings_live_briefly_while_they_take_more_than_a_quarter_of_the_cap(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_TOTAL_BYTES": 4_000}
    lives = []
    for number in range(12):
        one = arrival(key=f"o-{number}-{uuid.uuid4()}", limit=0)
        gate.admit(one, now_ms=NOW_MS)
        name = f"{keys.key('binding')}{keys.place(ACME)}:{keys.digest(one.binding)}"
        lives.append(get_redis_connection("buffer").pttl(name))
    assert lives[0] > 3_500_000
    assert lives[-1] <= 60_000
    later = arrival(key="later", limit=0)
    gate.admit(later, now_ms=NOW_MS + 4 * 3_600_000)
    name = f"{keys.key('binding')}{keys.place(ACME)}:{keys.digest(later.binding)}"
    assert get_redis_connection("buffer").pttl(name) > 3_500_000
