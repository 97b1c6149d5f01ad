"""Idempotency keys by hand: looked at, dropped, and never while an entry would bring them back."""

from uuid import uuid4

import pytest

from mollifier import bindings, buffer, gate
from mollifier.bindings import Bound, Busy, Cleared, NotFound
from mollifier.decision import Existing, Mollify, PassThrough, Scope
from mollifier.entry import Fail, Requeue, Settle
from mollifier.errors import BufferUnavailable
from tests.mollifier.makers import ACME, accept, arrival


def reset(id_, key="k", scope=ACME):
    return bindings.reset(scope, "checkout", key, id_)


def test_a_key_that_a_direct_start_bound_is_looked_at_and_dropped():
    sent = arrival(key="k")
    assert isinstance(gate.admit(sent), PassThrough)
    held = bindings.look(ACME, "checkout", "k")
    assert isinstance(held, Bound)
    assert (held.id, held.age_ms < 5_000) == (sent.id, True)
    assert reset(sent.id) == Cleared(sent.id)
    assert bindings.look(ACME, "checkout", "k") == reset(sent.id) == NotFound()
    assert isinstance(gate.admit(arrival(key="k")), PassThrough)


@pytest.mark.parametrize("state", ["queued", "leased", "delayed", "failed"])
def test_a_key_is_busy_while_its_entry_is_buffered_and_free_to_drop_after(state):
    (one,) = accept(1, key="k")
    token = uuid4().hex
    if state != "queued":
        buffer.claim(token, 10, 60_000)
    if state == "delayed":
        buffer.settle(token, [Requeue(one, 60_000, True, "x")])
    if state == "failed":
        buffer.settle(token, [Fail(one, "x")])
    assert bindings.look(ACME, "checkout", "k") == reset(one) == Busy(one)
    assert isinstance(gate.admit(arrival(key="k")), Existing)
    if state == "leased":
        buffer.settle(token, [Settle(one, 0)])
        assert reset(one) == Cleared(one)
        assert isinstance(gate.admit(arrival(key="k")), PassThrough | Mollify)


def test_a_key_that_names_another_id_by_now_stays():
    sent = arrival(key="k")
    gate.admit(sent)
    assert reset(uuid4()).id == sent.id
    assert reset(sent.id, scope=Scope("acme", "staging")) == reset(sent.id, key="other") == NotFound()
    assert isinstance(gate.admit(arrival(key="k")), Existing)


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_so():
    with pytest.raises(BufferUnavailable):
        bindings.look(ACME, "checkout", "k")
