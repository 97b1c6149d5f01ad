from datetime import UTC, datetime

import pytest
from django_redis import get_redis_connection

from mollifier import buffer, fairness, gate, stats
from mollifier.decision import Scope
from mollifier.entry import Fail, Requeue, Settle
from mollifier.errors import BufferUnavailable
from tests.mollifier.makers import ACME, accept, arrival

OTHER = Scope("other", "production")


def server_now():
    seconds, microseconds = get_redis_connection("buffer").time()
    return seconds * 1000 + microseconds / 1000


def test_an_empty_buffer_says_so():
    empty = stats.overview()
    assert empty == stats.Overview(available=True)


def test_the_overview_counts_each_state():
    ids = accept(6)
    accept(2, OTHER)
    batch = buffer.claim("t", 8, 60_000)
    assert len(batch.entries) == 8
    buffer.settle("t", [Settle(ids[0], 0), Requeue(ids[1], 60_000, True, "x"), Fail(ids[2], "x")])
    accept(1)
    seen = stats.overview()
    assert (seen.buffered, seen.queued, seen.delayed, seen.leased, seen.failed) == (8, 1, 1, 5, 1)
    assert seen.bytes == 8 * (128 + len(b"{}"))
    assert abs((seen.drainer_last_claim_at - datetime.now(UTC)).total_seconds()) < 30


def test_the_oldest_is_the_oldest_queued_of_any_org():
    now = server_now()
    accept(1, OTHER, now_ms=now - 90_000)
    accept(3, ACME, now_ms=now - 30_000)
    seen = stats.overview()
    assert 90 <= seen.oldest_age_seconds < 100
    buffer.claim("t", 1, 60_000)
    buffer.claim("u", 1, 60_000)
    assert stats.overview().oldest_age_seconds is not None


def test_what_is_paused_is_not_the_oldest_that_may_be_claimed():
    now = server_now()
    accept(1, OTHER, now_ms=now - 900_000)
    accept(1, Scope("acme", "staging"), now_ms=now - 90_000)
    accept(1, ACME, now_ms=now - 30_000)
    seen = stats.overview()
    assert seen.claimable_age_seconds == seen.oldest_age_seconds >= 900
    fairness.set_share("other", fairness.Share(paused=True))
    assert 90 <= stats.overview().claimable_age_seconds < 120
    fairness.pause_env(Scope("acme", "staging"), paused=True)
    assert 30 <= stats.overview().claimable_age_seconds < 60
    fairness.set_share("acme", fairness.Share(paused=True))
    seen = stats.overview()
    assert (seen.claimable_age_seconds, seen.oldest_age_seconds >= 900) == (None, True)


def test_orgs_come_deepest_first_with_age_and_weight():
    now = server_now()
    fairness.set_share("other", fairness.Share(2.5))
    accept(1, Scope("acme", "staging"), now_ms=now - 50_000)
    accept(2, OTHER, now_ms=now - 20_000)
    accept(4, ACME, now_ms=now - 10_000)
    acme, other = stats.overview().orgs
    assert (acme.org, acme.queued, acme.weight) == ("acme", 5, 1.0)
    assert (other.org, other.queued, other.weight) == ("other", 2, 2.5)
    assert 50 <= acme.oldest_age_seconds < 60
    assert 20 <= other.oldest_age_seconds < 30


def test_the_overview_names_no_more_than_fifty_orgs():
    for number in range(60):
        accept(1, Scope(f"org-{number}", "production"))
    assert len(stats.overview().orgs) == stats.TOP_ORGS == 50


def test_depths_of_named_orgs_are_read_also_when_they_are_empty():
    accept(2)
    depths = stats.of_orgs(["acme", "nobody"])
    assert (depths["acme"].queued, depths["nobody"]) == (2, stats.OrgDepth("nobody", 0, None, 1.0))
    assert stats.of_orgs([]) == {}


def test_the_series_shows_what_entered_left_and_waited_and_the_depth_between():
    now = server_now()
    accept(10, now_ms=now - 12_000)
    buffer.claim("t", 4, 60_000, now_ms=now - 9_000)
    batch = buffer.claim("t", 4, 60_000)
    buffer.settle("t", [Settle(entry.id, 0) for entry in batch.entries], now_ms=now - 8_000)
    accept(1, now_ms=now - 3_000)
    points = stats.series(seconds=20, step=1)
    assert [point.at for point in points] == sorted(point.at for point in points)
    assert len(points) == 20
    assert sum(point.entered for point in points) == 11
    assert sum(point.drained for point in points) == 4
    depths = [point.depth for point in points]
    assert [depth for at, depth in enumerate(depths) if at == 0 or depth != depths[at - 1]] == [0, 10, 6, 7]
    (dwell,) = (point.dwell_ms for point in points if point.dwell_ms is not None)
    assert dwell == pytest.approx(4_000, abs=5)


def test_rates_are_of_the_last_whole_seconds():
    now = server_now()
    accept(10, now_ms=now - 3_000)
    assert stats.overview().in_per_second == 2.0


def test_decisions_are_counted_by_outcome_and_reason():
    for _ in range(3):
        gate.admit(arrival())
    assert stats.decisions() == {("passed", "room"): 2, ("accepted", "env_rate"): 1}


@pytest.mark.usefixtures("no_redis")
def test_without_redis_the_overview_is_empty_and_the_rest_says_so():
    assert stats.overview() == stats.Overview(available=False)
    for call in (stats.series, stats.counters, stats.decisions, lambda: stats.of_orgs(["a"])):
        with pytest.raises(BufferUnavailable):
            call()
