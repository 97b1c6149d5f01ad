"""Arrivals for benchmarks."""

from bench import arrivals
from mollifier.decision import Mode


def test_they_go_to_the_orgs_in_turn_each_with_bytes_of_its_own():
    made = arrivals.make(4, orgs=2, size=10)
    assert [each.scope for each in made] == arrivals.scopes(2) * 2
    assert len({each.id for each in made}) == len({each.snapshot for each in made}) == 4
    assert {len(each.snapshot) for each in made} == {10}


def test_they_carry_a_key_or_a_request_only_when_asked():
    (plain,), (keyed,), (named,) = (arrivals.make(1, **more) for more in ({}, {"keyed": True}, {"named": True}))
    assert (plain.binding, plain.sent_as, keyed.sent_as, named.binding) == (None, None, None, None)
    assert keyed.binding is not None
    assert named.sent_as is not None


def test_their_org_is_in_the_mode_that_was_asked_for():
    (one,) = arrivals.make(1, mode=Mode.SHADOW)
    assert one.rollout.effective is Mode.SHADOW
