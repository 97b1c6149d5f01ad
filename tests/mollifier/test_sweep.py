import logging
import threading
from dataclasses import asdict

import pytest
from django_redis import get_redis_connection

from mollifier import buffer, conf, keys, stats, sweep
from mollifier.decision import Scope
from mollifier.entry import Fail, Settle
from mollifier.errors import BufferUnavailable
from tests.mollifier.makers import ACME, NOW_MS, accept

HOUR_MS = 3_600_000
STAGING = Scope("acme", "staging")
OTHER = Scope("other", "production")


@pytest.fixture
def redis():
    return get_redis_connection("buffer")


def go(now_ms=NOW_MS, **changes):
    passes = changes.pop("passes", 10_000)
    return sweep.run(conf.read(changes), passes=passes, now_ms=now_ms)


def drain_all(now_ms=NOW_MS):
    batch = buffer.claim("drain-all", 1000, 60_000, now_ms=now_ms)
    buffer.settle("drain-all", [Settle(entry.id, 0) for entry in batch.entries], now_ms=now_ms)


def test_nothing_buffered_is_a_cycle_all_the_same():
    report = go()
    assert (report.swept, report.wrapped, report.passes, report.orgs, report.stale) == (True, True, 1, 0, 0)
    assert stats.overview().sweep_last_cycle_at.timestamp() * 1000 == NOW_MS


def test_an_entry_is_stale_when_it_has_waited_longer_than_allowed():
    accept(3, now_ms=NOW_MS - 300_001)
    accept(2, now_ms=NOW_MS - 299_000)
    assert go().stale == 3
    assert go(SWEEP_STALE_SECONDS=299).stale == 3
    assert go(SWEEP_STALE_SECONDS=298).stale == 5


def test_old_entries_are_found_behind_any_number_of_new_ones():
    accept(50, STAGING, now_ms=NOW_MS - HOUR_MS)
    for at in range(12):
        accept(100, OTHER if at % 2 else STAGING, now_ms=NOW_MS - 1_000)
    report = go()
    assert report.stale == stats.overview().stale == 50
    first = report.oldest[0]
    assert (first.org, first.env, first.queued, first.stale) == ("acme", "staging", 650, 50)
    assert first.oldest_age_seconds == pytest.approx(3600)


def test_no_entry_is_read_whatever_its_size(redis):
    accept(40, snapshot=b"x" * 100_000, now_ms=NOW_MS - HOUR_MS)
    redis.config_resetstat()
    sent = redis.info("stats")["total_net_output_bytes"]
    assert go().stale == 40
    assert redis.info("stats")["total_net_output_bytes"] - sent < 10_000
    commands = {name.removeprefix("cmdstat_") for name in redis.info("commandstats")}
    assert not commands & {"mget", "getrange", "substr", "strlen", "getex", "dump", "keys", "scan", "hgetall"}


def test_a_pass_looks_at_so_many_orgs_and_the_next_one_goes_on():
    for number in range(7):
        accept(1, Scope(f"org-{number}", "a"), now_ms=NOW_MS - HOUR_MS)
        accept(1, Scope(f"org-{number}", "b"), now_ms=NOW_MS - HOUR_MS)
    passes = [go(passes=1, SWEEP_ORGS=3) for _ in range(3)]
    assert [(each.orgs, each.envs, each.stale, each.wrapped) for each in passes] == [
        (3, 6, 6, False),
        (3, 6, 12, False),
        (1, 2, 14, True),
    ]
    assert go(SWEEP_ORGS=3).passes == 3


def test_a_cycle_keeps_to_what_was_there_when_it_began():
    for number in range(4):
        accept(1, Scope(f"org-{number}", "a"), now_ms=NOW_MS - HOUR_MS)
    go(passes=1, SWEEP_ORGS=2)
    accept(1, Scope("late", "a"), now_ms=NOW_MS + 1)
    rest = go(NOW_MS + 2, SWEEP_ORGS=2)
    assert (rest.orgs, rest.wrapped) == (2, True)
    assert go(NOW_MS + 3).orgs == 5


def test_what_drains_meanwhile_moves_nobody_elses_turn():
    for number in range(6):
        accept(1, Scope(f"org-{number}", "a"), now_ms=NOW_MS - HOUR_MS)
    go(passes=1, SWEEP_ORGS=2)
    batch = buffer.claim("t", 3, 60_000, now_ms=NOW_MS)
    assert {entry.scope.org for entry in batch.entries} == {"org-0", "org-1", "org-2"}
    rest = go(SWEEP_ORGS=2)
    assert [each.org for each in rest.oldest] == ["org-3", "org-4", "org-5"]
    assert (rest.stale, rest.wrapped) == (3, True), "the drained ones were cleared at the wrap"


def test_an_environment_that_drained_is_cleared(redis):
    accept(5, now_ms=NOW_MS - HOUR_MS)
    accept(2, OTHER, now_ms=NOW_MS - HOUR_MS)
    assert go().stale == 7
    drain_all()
    accept(1, now_ms=NOW_MS)
    assert go(NOW_MS + 1).stale == stats.overview().stale == 0
    assert not redis.exists(keys.key("stale"), keys.key("stale_counts"))


def test_more_drained_environments_than_a_pass_clears_take_several():
    for number in range(1_100):
        accept(1, Scope("acme", f"env-{number}"), now_ms=NOW_MS - HOUR_MS)
    assert go().stale == 1_100
    for _ in range(2):
        drain_all()
    report = go(NOW_MS + 1)
    assert (report.stale, report.wrapped, report.passes) == (0, True, 4)


def test_entries_that_are_claimed_alone_can_be_stale_too():
    accept(3, now_ms=NOW_MS - HOUR_MS)
    for lapse in range(2):
        buffer.claim(f"t{lapse}", 3, 1, now_ms=NOW_MS + 10 * lapse)
        buffer.reclaim(now_ms=NOW_MS + 10 * lapse + 5)
    assert stats.overview().queued == 3
    assert go(NOW_MS + 100).stale == 3


def test_dead_letters_are_not_stale():
    accept(1, now_ms=NOW_MS - HOUR_MS)
    batch = buffer.claim("t", 1, 60_000, now_ms=NOW_MS)
    buffer.settle("t", [Fail(batch.entries[0].id, "x")], now_ms=NOW_MS)
    assert go().stale == 0


def test_expired_leases_are_taken_back():
    accept(3)
    buffer.claim("the dead drainer's", 3, 1_000, now_ms=NOW_MS - 5_000)
    report = go(NOW_MS)
    assert report.reclaimed == 3
    assert stats.overview().queued == 3


def test_ids_without_an_entry_are_counted_and_stay_where_they_are(redis, caplog):
    ids = accept(3)
    redis.delete(keys.key("entry") + str(ids[1]))
    for _ in range(2):
        with caplog.at_level(logging.ERROR):
            assert go(0).orphaned == 1
        assert stats.overview().orphaned == 1, "once, however often it is seen"
        assert stats.overview().queued == 3
    assert str(ids[1]) in str([record.__dict__.get("entries") for record in caplog.records])
    assert [each.id for each in buffer.claim("t", 3, 60_000).unreadable] == [ids[1]], "it becomes a dead letter"


def test_a_count_that_drifted_is_put_right(redis):
    accept(3)
    accept(2, STAGING)
    for name, field, by in (("totals", "", 5), ("env", keys.place(ACME), 5)):
        redis.hincrby(keys.key(name) + field, "q", by)
    redis.zincrby(keys.key("depth"), 5, "acme")
    assert go(0).repaired == 1
    assert stats.overview().queued == stats.overview().orgs[0].queued == 5
    assert len(buffer.claim("t", 10, 60_000).entries) == 5


def test_a_queue_that_is_gone_is_not_served_any_more(redis):
    accept(3)
    accept(1, OTHER)
    redis.delete(keys.key("queue") + keys.place(ACME))
    assert go(0).repaired == 1
    assert [entry.scope for entry in buffer.claim("t", 10, 60_000).entries] == [OTHER]
    assert go(0).repaired == 0


def test_a_queue_that_a_claim_took_for_empty_is_served_again(redis):
    accept(3)
    redis.hset(keys.key("env") + keys.place(ACME), "q", 0)
    assert buffer.claim("t", 10, 60_000).entries == ()
    assert go(0).repaired == 1
    assert len(buffer.claim("u", 10, 60_000).entries) == 3


def test_one_sweeper_works_at_a_time(redis):
    accept(1)
    redis.set(keys.key("sweeper"), "another", px=60_000)
    report = go(0)
    assert asdict(report) == asdict(sweep.SweepReport())
    redis.delete(keys.key("sweeper"))
    assert go(0).swept
    assert not redis.exists(keys.key("sweeper")), "it was given up"


def test_sweepers_beside_each_other_count_nothing_twice():
    for number in range(60):
        accept(2, Scope(f"org-{number}", "a"), now_ms=NOW_MS - HOUR_MS)
    found = []
    threads = [threading.Thread(target=lambda: found.append(go(SWEEP_ORGS=5))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert any(report.wrapped for report in found)
    assert stats.overview().stale == 120


def test_a_stop_ends_between_passes_and_the_next_run_goes_on():
    for number in range(4):
        accept(1, Scope(f"org-{number}", "a"), now_ms=NOW_MS - HOUR_MS)
    answers = iter([False, True])
    report = sweep.run(conf.read({"SWEEP_ORGS": 1}), stop_requested=lambda: next(answers), now_ms=NOW_MS)
    assert (report.passes, report.wrapped) == (1, False)
    assert go(SWEEP_ORGS=1).orgs == 3


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_so():
    with pytest.raises(BufferUnavailable):
        go()
