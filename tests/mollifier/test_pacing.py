"""What a drainer asks for follows what a batch costs; what all take together follows the rate."""

import uuid

import pytest

from mollifier import buffer, stats
from mollifier.entry import Settle
from mollifier.pacing import Pace
from tests.mollifier.makers import NOW_MS, accept


def test_quick_batches_leave_the_size_at_its_most():
    pace = Pace(500, 250)
    pace.wrote(500, 0.0, 0.1)
    assert pace.size == 500


def test_a_slow_batch_halves_the_size_and_quick_ones_grow_it_step_by_step():
    pace = Pace(500, 250)
    pace.wrote(500, 0.0, 0.3)
    assert pace.size == 250
    pace.wrote(250, 0.3, 0.4)
    assert pace.size == 275
    for at in range(1, 20):
        pace.wrote(pace.size, at, at + 0.1)
    assert pace.size == 500


def test_batches_that_were_in_flight_together_halve_it_once():
    pace = Pace(500, 250)
    for _ in range(4):
        pace.wrote(500, 0.0, 1.0)
    assert pace.size == 250
    pace.wrote(250, 1.0, 2.0)
    assert pace.size == 125


def test_it_never_falls_below_a_fiftieth():
    pace = Pace(500, 250)
    for at in range(20):
        pace.wrote(pace.size, at, at + 0.9)
    assert pace.size == 10
    tiny = Pace(3, 250)
    for at in range(5):
        tiny.wrote(tiny.size, at, at + 0.9)
    assert tiny.size == 1


def test_a_few_entries_that_are_quick_prove_nothing_about_many():
    pace = Pace(500, 250)
    pace.wrote(500, 0.0, 1.0)
    pace.wrote(3, 1.0, 1.01)
    assert pace.size == 250


@pytest.mark.parametrize(("target", "count"), [(0, 500), (250, 0)])
def test_without_a_target_or_a_batch_it_stays(target, count):
    pace = Pace(500, target)
    pace.wrote(count, 0.0, 10.0)
    assert pace.size == 500


# The rate, in Redis.


@pytest.fixture
def rate(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "DRAIN_RATE": 10}


def claim(now_ms, limit=100):
    claimed = buffer.claim(uuid.uuid4().hex, limit, 60_000, now_ms=now_ms)
    buffer.settle(claimed.token, [Settle(entry.id, 0) for entry in claimed.entries], now_ms=now_ms)
    return claimed


@pytest.mark.usefixtures("rate")
def test_all_claims_together_take_no_more_than_the_rate():
    accept(100, now_ms=NOW_MS)
    taken = [len(claim(NOW_MS + at * 50).entries) for at in range(100)]
    assert taken[0] == 10, "a second's worth at most at once"
    assert 10 + 47 <= sum(taken) <= 10 + 50


@pytest.mark.usefixtures("rate")
def test_an_empty_bucket_says_when_to_come_again():
    accept(100, now_ms=NOW_MS)
    assert claim(NOW_MS).wait_seconds == 0
    empty = claim(NOW_MS)
    assert (empty.entries, empty.wait_seconds) == ((), pytest.approx(0.1))
    assert len(claim(NOW_MS + 100).entries) == 1


@pytest.mark.usefixtures("rate")
def test_what_must_be_claimed_alone_pays_too():
    accept(1, now_ms=NOW_MS)
    for _ in range(2):
        buffer.give_up(buffer.claim(uuid.uuid4().hex, 1, 60_000, now_ms=NOW_MS).token, now_ms=NOW_MS)
    accept(20, now_ms=NOW_MS)
    taken = [len(claim(NOW_MS).entries) for _ in range(4)]
    assert sum(taken) == 8, "two of ten were paid for lapses"


@pytest.mark.usefixtures("rate")
def test_a_repeated_claim_pays_once():
    accept(100, now_ms=NOW_MS)
    first = buffer.claim("t", 5, 60_000, now_ms=NOW_MS)
    again = buffer.claim("t", 5, 60_000, now_ms=NOW_MS)
    assert {entry.id for entry in again.entries} == {entry.id for entry in first.entries}
    assert len(claim(NOW_MS).entries) == 5


def test_what_a_claim_asks_for_is_told():
    accept(1)
    claim(0, limit=37)
    assert stats.overview().claim_size == 37
