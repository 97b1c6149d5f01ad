"""Who may not be served stands aside, costs nobody a look, and comes back where it left off."""

import uuid

import pytest
from django_redis import get_redis_connection

from mollifier import buffer, fairness, keys, pages, stats
from mollifier.decision import Scope
from mollifier.entry import Fail, Requeue, Settle, Skipped
from mollifier.fairness import Share
from tests.mollifier.makers import ACME, NOW_MS, accept

STAGING = Scope("acme", "staging")
OTHER = Scope("other", "production")


@pytest.fixture
def configure(settings):
    def change(**values):
        settings.MOLLIFIER = {**settings.MOLLIFIER, **values}

    return change


def claim(limit=100, now_ms=0.0):
    return buffer.claim(uuid.uuid4().hex, limit, 60_000, now_ms=now_ms)


def settle(claimed, now_ms=0.0):
    buffer.settle(claimed.token, [Settle(entry.id, 0) for entry in claimed.entries], now_ms=now_ms)


def ids_of(claimed):
    return [entry.id for entry in claimed.entries]


def members(family):
    return {name.decode() for name in get_redis_connection("buffer").zrange(keys.key(family), 0, -1)}


def test_a_paused_org_is_not_served_until_it_goes_on():
    mine, others = accept(3), accept(2, OTHER)
    fairness.set_share("acme", Share(paused=True))
    assert ids_of(claim()) == others
    assert claim().entries == ()
    fairness.set_share("acme", Share())
    assert ids_of(claim()) == mine


def test_a_claim_says_whom_it_skipped_and_why(configure):
    configure(ENV_IN_FLIGHT=2)
    accept(3)
    accept(3, OTHER)
    fairness.set_share("acme", Share(paused=True))
    assert claim().skipped == Skipped(paused=1, full=1)


def test_who_is_parked_is_looked_at_by_no_later_claim():
    accept(3)
    fairness.set_share("acme", Share(paused=True))
    claim()
    assert (members("ready_orgs"), members("parked")) == (set(), {"acme"})


def test_what_comes_while_an_org_is_paused_waits_too():
    fairness.set_share("acme", Share(paused=True))
    ids = accept(1)
    assert claim().entries == ()
    ids += accept(2, STAGING) + accept(1)
    assert claim().entries == ()
    fairness.set_share("acme", Share())
    assert sorted(ids_of(claim())) == sorted(ids)


def test_one_paused_environment_does_not_stop_its_org():
    mine, staged = accept(3), accept(3, STAGING)
    fairness.pause_env(ACME, paused=True)
    assert ids_of(claim()) == staged
    assert claim().entries == ()
    fairness.pause_env(ACME, paused=False)
    assert ids_of(claim()) == mine


def test_a_claimed_entry_of_a_paused_org_is_still_settled():
    accept(2)
    claimed = claim()
    fairness.set_share("acme", Share(paused=True))
    settle(claimed)
    assert members("parked") == set()


def test_a_pause_keeps_the_weight_and_the_finish_tag():
    """Otherwise pausing would be a way to the front."""
    fairness.set_share("acme", Share(0.5))
    accept(200)
    accept(200, OTHER)
    settle(claim(90))
    redis = get_redis_connection("buffer")
    before = redis.zscore(keys.key("ready_orgs"), "acme")
    fairness.set_share("acme", Share(0.5, paused=True))
    settle(claim(1))
    fairness.set_share("acme", Share(0.5))
    assert redis.zscore(keys.key("ready_orgs"), "acme") == before > 0


def test_an_environment_has_no_more_in_flight_than_its_cap(configure):
    configure(ENV_IN_FLIGHT=4)
    ids = accept(10)
    first = claim()
    assert ids_of(first) == ids[:4]
    assert claim().entries == ()
    settle(first)
    assert ids_of(claim()) == ids[4:8]


def test_the_cap_of_one_environment_leaves_its_share_to_others(configure):
    configure(ENV_IN_FLIGHT=4)
    accept(100)
    for number in range(20):
        accept(4, Scope("other", f"env-{number}"))
    assert len(claim(84).entries) == 84


@pytest.mark.parametrize("report", ["requeue", "fail", "lapse"])
def test_whatever_ends_a_lease_makes_room(configure, report):
    configure(ENV_IN_FLIGHT=1)
    ids = accept(2, now_ms=NOW_MS)
    first = claim(now_ms=NOW_MS)
    assert claim(now_ms=NOW_MS).entries == ()
    match report:
        case "requeue":
            buffer.settle(first.token, [Requeue(ids[0], 60_000, True, "x")], now_ms=NOW_MS)
        case "fail":
            buffer.settle(first.token, [Fail(ids[0], "x")], now_ms=NOW_MS)
        case "lapse":
            assert buffer.reclaim(now_ms=NOW_MS + 60_000) == 1
            ids = ids[::-1]
    assert ids_of(claim(now_ms=NOW_MS + 1)) == ids[1:]


def test_ordered_means_one_claim_of_an_environment_at_a_time(configure):
    configure(ORDERED=True)
    ids, others = accept(6), accept(2, STAGING)
    first = claim(4)
    second = claim(4)
    assert {entry.scope for entry in second.entries} <= {ACME, STAGING} - {entry.scope for entry in first.entries}
    settle(first)
    settle(second)
    served = ids_of(first) + ids_of(second)
    while more := claim(4):
        if not more.entries:
            break
        served += ids_of(more)
        settle(more)
    assert [one for one in served if one in ids] == ids
    assert sorted(served) == sorted(ids + others)


def test_an_entry_that_must_be_claimed_alone_waits_while_its_org_is_paused():
    (one,) = accept(1)
    for _ in range(2):
        buffer.give_up(claim().token)
    fairness.set_share("acme", Share(paused=True))
    assert claim().entries == ()
    fairness.set_share("acme", Share())
    assert ids_of(claim()) == [one]


def test_a_thousand_paused_orgs_do_not_hide_one_that_is_not():
    for number in range(300):
        accept(1, Scope(f"paused-{number}", "production"))
        fairness.set_share(f"paused-{number}", Share(paused=True))
    (one,) = accept(1)
    assert ids_of(claim()) == [one]
    assert claim().skipped.paused == 300


def test_shares_are_put_right_and_told():
    fairness.set_share("acme", Share(2))
    fairness.set_share("gone", Share(3, paused=True))
    fairness.pause_env(STAGING, paused=True)
    wanted = {"acme": Share(2), "other": Share(1, paused=True), "new": Share(0.5)}
    assert fairness.reconcile(wanted) == 3
    assert fairness.reconcile(wanted) == 0
    redis = get_redis_connection("buffer")
    assert redis.hgetall(keys.key("weights")) == {b"acme": b"2.0", b"new": b"0.5"}
    assert redis.smembers(keys.key("paused")) == {b"other", b"acme/staging"}


def test_what_returns_to_a_queue_at_its_cap_waits_aside(configure):
    configure(ENV_IN_FLIGHT=1)
    ids = accept(3, now_ms=NOW_MS)
    first = claim(now_ms=NOW_MS)
    buffer.settle(first.token, [Requeue(ids[0], 10, True, "x")], now_ms=NOW_MS)
    claim(now_ms=NOW_MS)
    assert buffer.reclaim(now_ms=NOW_MS + 10) == 0
    assert (members("ready_orgs"), members("parked")) == (set(), {"acme/production"})


def test_parking_does_not_move_the_virtual_time():
    fairness.set_share("acme", Share(0.1))
    accept(20)
    accept(20, OTHER)
    settle(claim(10))
    fairness.set_share("acme", Share(0.1, paused=True))
    settle(claim(1))
    tags = dict(get_redis_connection("buffer").zrange(keys.key("spent_orgs"), 0, -1, withscores=True))
    assert tags[b"/"] < tags[b"acme"]


def test_who_stands_aside_is_still_listed_with_its_age():
    ids = accept(3)
    for pause in (
        lambda: fairness.set_share("acme", Share(paused=True)),
        lambda: fairness.pause_env(ACME, paused=True),
    ):
        pause()
        claim()
        assert [entry.id for entry in pages.oldest(10, "acme")] == ids
        (depth,) = stats.overview().orgs
        assert (depth.org, depth.queued, depth.oldest_age_seconds is not None) == ("acme", 3, True)
