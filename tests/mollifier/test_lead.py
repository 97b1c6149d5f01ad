from time import monotonic

import pytest
from django_redis import get_redis_connection

from mollifier import buffer, keys
from mollifier.entry import Fail, Requeue
from mollifier.errors import BufferUnavailable
from mollifier.lead import Lead, Standing
from tests.mollifier.makers import accept
from tests.waiting import until


def test_the_lead_is_one_drainers_until_it_leaves():
    first, second = Lead(60_000), Lead(60_000)
    assert first.take() == Standing(True, 0, None)
    assert not second.take().leads
    assert first.take().leads
    assert second.leave() == 0
    assert not second.take().leads, "leaving takes nothing from another"
    first.leave()
    assert second.take().leads


def test_a_lead_that_is_not_renewed_lapses():
    first, second = Lead(30), Lead(60_000)
    assert first.take().leads
    until(lambda: second.take().leads)


def due_in(seconds, since):
    """Return what is left at the least, to the milliseconds in which Redis counts."""
    return seconds - (monotonic() - since) - 0.005


def test_it_tells_how_many_wait_and_when_the_next_is_due():
    ids = accept(3)
    lead = Lead(60_000)
    assert lead.take() == Standing(True, 3, None)
    since = monotonic()
    buffer.claim("t", 3, 40_000)
    standing = lead.take()
    assert standing.waiting == 3
    assert due_in(40, since) <= standing.next_in_seconds <= 40
    since = monotonic()
    buffer.settle("t", [Requeue(ids[0], 10_000, True, "x"), Fail(ids[1], "x")])
    standing = lead.take()
    assert standing.waiting == 2, "a dead letter waits for nobody"
    assert due_in(10, since) <= standing.next_in_seconds <= 10
    assert lead.leave() == 2


def test_an_accept_nudges_the_drainer_that_leads_and_asks_for_no_other():
    lead = Lead(60_000)
    lead.take()
    assert not lead.wait_for_wake(0.01)
    accept(5)
    redis = get_redis_connection("buffer")
    assert redis.llen(keys.key("wake")) == 1
    assert not redis.exists(keys.key("pending"))
    began = monotonic()
    assert lead.wait_for_wake(30)
    assert monotonic() - began < 20
    assert not lead.wait_for_wake(0.01)


def test_taking_the_lead_answers_the_call_for_a_drainer():
    accept(1)
    redis = get_redis_connection("buffer")
    assert redis.exists(keys.key("pending"))
    Lead(60_000).take()
    assert not redis.exists(keys.key("pending"))


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_so():
    lead = Lead(60_000)
    for call in (lead.take, lead.leave, lambda: lead.wait_for_wake(0.1)):
        with pytest.raises(BufferUnavailable):
            call()


def test_what_a_drainer_that_is_gone_had_claimed_comes_back_with_its_successor():
    ids = accept(4)
    gone, next_one = Lead(30), Lead(60_000)
    assert gone.take().leads
    buffer.claim(f"{gone.token}.1", 2, 60_000)
    buffer.claim("somebody else's", 1, 60_000)
    until(lambda: next_one.take().leads)
    assert buffer.reclaim() == 2
    assert [entry.id for entry in buffer.claim("t", 10, 60_000).entries] == [*ids[:2], ids[3]]


def test_renewing_the_lead_leaves_its_own_leases_alone():
    accept(2)
    lead = Lead(60_000)
    lead.take()
    buffer.claim(f"{lead.token}.1", 2, 60_000)
    lead.take()
    get_redis_connection("buffer").delete(keys.key("drainer"))
    assert lead.take().leads
    assert buffer.reclaim() == 0
