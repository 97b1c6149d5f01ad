"""Where entries stand in the queue of their environment."""

import uuid

import pytest

from mollifier import buffer, fairness, positions
from mollifier.decision import Scope
from mollifier.errors import BufferUnavailable
from mollifier.positions import Position
from tests.mollifier.makers import ACME, NOW_MS, accept


def test_an_entry_stands_behind_those_of_its_environment_that_came_before():
    accept(4, Scope("acme", "staging"))
    ids = accept(3)
    assert [positions.find(ACME, id_) for id_ in ids] == [Position(ahead, paused=False) for ahead in range(3)]


def test_what_is_claimed_stands_in_no_queue():
    ids = accept(3, now_ms=NOW_MS)
    buffer.claim(uuid.uuid4().hex, 1, 60_000, now_ms=NOW_MS)
    assert positions.find(ACME, ids[0]) is None
    assert positions.find(ACME, ids[1]) == Position(0, paused=False)


def test_a_paused_environment_is_told():
    (id_,) = accept(1)
    fairness.pause_env(ACME, paused=True)
    assert positions.find(ACME, id_) == Position(0, paused=True)
    fairness.pause_env(ACME, paused=False)
    assert positions.find(ACME, id_) == Position(0, paused=False)


@pytest.mark.usefixtures("no_redis")
def test_without_redis_no_position_is_made_up():
    with pytest.raises(BufferUnavailable):
        positions.find(ACME, uuid.uuid4())
