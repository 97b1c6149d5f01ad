"""Which environments a percentage takes in."""

from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from workflows import flags


@given(st.uuids(), st.integers(0, 99))
def test_a_greater_percentage_never_drops_an_environment(env_id, percent):
    assert flags.enrolled(env_id, percent) <= flags.enrolled(env_id, percent + 1)


@given(st.uuids())
def test_none_and_all_are_exact(env_id):
    assert not flags.enrolled(env_id, 0)
    assert flags.enrolled(env_id, 100)


def test_the_share_is_near_the_percentage():
    enrolled = sum(flags.enrolled(uuid7(), 30) for _ in range(5_000))
    assert 1_350 < enrolled < 1_650
