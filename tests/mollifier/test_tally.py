import datetime as dt

import pytest

from mollifier import client, gate, keys, tally, telemetry
from mollifier.conf import read
from mollifier.decision import (
    Full,
    Limit,
    Mismatch,
    Mode,
    Mollify,
    Passed,
    PassThrough,
    Reason,
    Scope,
    ShadowLog,
)
from tests.mollifier.makers import ACME, NOW_MS, arrival, ordered_id
from tests.waiting import until

STAGING = Scope("acme", "staging")
NOW = dt.datetime.fromtimestamp(NOW_MS / 1000, dt.UTC)
SETTINGS = read({})


def told(*decided, clock=1.0, settings=SETTINGS, now_ms=NOW_MS):
    """Tell Redis of decisions: each is a scope, a second, a decision, and how often."""
    counts = {}
    for scope, second, decision, times, *definition in decided:
        trigger = arrival(scope, definition=definition[0] if definition else "checkout")
        for key, count in tally.seen(trigger, decision, second):
            counts[key] = counts.get(key, 0) + count * times
    return [client.call(each) for each in tally.commands(counts, clock, settings, now_ms)]


def fields(family, rest):
    found = client.call(("HGETALL", keys.key(family) + rest))
    return {name.decode(): value.decode() for name, value in found.items()}


def today():
    return fields("tally", f"acme:{int(NOW_MS // 86_400_000)}")


ROOM, OVER = PassThrough(Passed.ROOM), ShadowLog(Reason.ENV_RATE, 2, 2)
TRIPPED = ShadowLog(Reason.ENV_RATE, 2, 2, trips=1)


def test_arrivals_are_kept_by_the_second_of_the_servers_clock():
    told((ACME, 0, ROOM, 3), (ACME, 1, ROOM, 4), (ACME, 1, OVER, 2), clock=1.5)
    second, minute = divmod(int(NOW_MS // 1000), 60)[1], int(NOW_MS // 60_000)
    assert fields("arrivals", f"acme/production:{minute}") == {
        f"a{second - 1}": "3",
        f"a{second}": "6",
        f"o{second}": "2",
    }
    seen = tally.arrivals("acme", ["production"], NOW - dt.timedelta(minutes=2), NOW + dt.timedelta(1 / 24))
    assert [(each.arrived, each.over) for each in seen] == [(3, 0), (6, 2)]
    assert seen[1].at - seen[0].at == 1


def test_arrivals_of_several_environments_come_in_the_order_of_time():
    told((STAGING, 0, ROOM, 1), (ACME, 1, ROOM, 2), (STAGING, 1, ROOM, 3), clock=1.5)
    since, till = NOW - dt.timedelta(seconds=2), NOW + dt.timedelta(seconds=1)
    seen = tally.arrivals("acme", ["staging", "production"], since, till)
    assert [(each.env, each.arrived) for each in seen] == [("staging", 1), ("production", 2), ("staging", 3)]
    assert tally.arrivals("acme", ["staging"], since, since) == []


def test_what_was_counted_goes_by_itself():
    told((ACME, 1, OVER, 2000), settings=read({"ARRIVALS_SECONDS": 60, "REPORT_DAYS": 2}))
    day, minute = int(NOW_MS // 86_400_000), int(NOW_MS // 60_000)
    names = [f"{keys.key('tally')}acme:{day}", f"{keys.key('arrivals')}acme/production:{minute}"]
    names.append(f"{keys.key('imagined')}acme/production")
    lives = [client.call(("TTL", name)) for name in names]
    assert all(0 < life <= most for life, most in zip(lives, [3 * 86400, 60, 3600], strict=True)), lives


def test_a_burst_over_the_limit_waits_its_turn_in_an_imagined_queue():
    told((ACME, 1, OVER, 1000), settings=read({"DRAIN_RATE": 100}))
    counted = today()
    waits = {name: int(count) for name, count in counted.items() if name.startswith("w:")}
    assert counted["c:would"] == "1000"
    assert sum(waits.values()) == 1000
    assert waits == {"w:1000": 125, "w:2500": 125, "w:5000": 250, "w:10000": 500}


def test_what_stands_behind_the_imagined_queue_would_be_buffered_too():
    slow = read({"DRAIN_RATE": 100})
    (first,) = told((ACME, 1, OVER, 1000), settings=slow)
    (behind,) = told((ACME, 2, ROOM, 50), clock=2.0, settings=slow, now_ms=NOW_MS + 1000)
    (elsewhere,) = told((STAGING, 2, ROOM, 50), clock=2.0, settings=slow, now_ms=NOW_MS + 1000)
    (after,) = told((ACME, 22, ROOM, 50), clock=22.0, settings=slow, now_ms=NOW_MS + 21_000)
    assert (first, behind, elsewhere, after) == (1000, 50, 0, 0)
    assert client.call(("EXISTS", f"{keys.key('imagined')}acme/production")) == 0


def test_definitions_beyond_those_told_apart_are_one():
    few = read({"REPORT_DEFINITIONS": 2})
    told(*((ACME, 1, OVER, at + 1, f"flow-{at}") for at in range(5)), settings=few)
    told((ACME, 1, OVER, 5, "flow-0"), (ACME, 1, ROOM, 9, "flow-9"), settings=few)
    counted = {name: int(count) for name, count in today().items() if name.startswith("d:")}
    assert sum(counted.values()) == 20
    assert len(counted) == 3
    assert counted["d:flow-0"] == 6


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (ROOM, ("passed", 0)),
        (PassThrough(Passed.FAIL_OPEN), ("fail_open", 0)),
        (TRIPPED, ("env_rate", 1)),
        (Mollify(Reason.BACKLOG, 1, 0, 1, 0.0, wake=False), ("backlog", 0)),
        (Full("env", 1), ("full", 0)),
        (PassThrough(Passed.ROLLOUT_OFF), None),
        (PassThrough(Passed.NOT_BUFFERABLE), None),
        (Mismatch(ordered_id(1)), None),
    ],
)
def test_each_decision_counts_as_what_it_is(decision, expected):
    assert tally.words(decision) == expected


def test_a_report_adds_up_days():
    day = 86_400_000
    clock = client.call(("TIME",))
    now_ms = int(clock[0]) * 1000
    for at in (0, 1, 2):
        told((ACME, 1, TRIPPED, 10), (ACME, 1, ROOM, 5), now_ms=now_ms - at * day)
    told((ACME, 1, PassThrough(Passed.FAIL_OPEN), 2), (ACME, 1, Full("env", 1), 1), now_ms=now_ms)
    found = tally.report("acme", 2)
    assert (found.arrived, found.over, found.trips) == (33, 20, 20)
    assert found.reasons == (("env_rate", 20),)
    assert found.definitions == (("checkout", 20),)
    assert (found.failed_open, found.full) == (2, 1)
    assert found.would_buffer >= 20
    assert 0 < found.wait_p50_ms <= found.wait_p95_ms <= 50
    assert tally.report("acme", 1).over == 10
    assert tally.report("globex", 2).wait_p50_ms is None


def test_a_quantile_is_told_within_its_bound():
    counts = [0] * 15
    assert tally.quantile(counts, 0.5) is None
    counts[4], counts[14] = 100, 10
    assert tally.quantile(counts, 0.5) == pytest.approx(77.5)
    assert tally.quantile(counts, 0.99) == 300_000


def test_what_the_gate_decides_is_told_within_a_second_or_two():
    for _ in range(5):
        gate.admit(arrival(mode=Mode.SHADOW, limit=2, window_ms=60_000, hold_ms=60_000))
    gate.admit_many([arrival(STAGING, mode=Mode.SHADOW, levels={"org": Limit(1, 60_000, 60_000)}) for _ in range(3)])
    gate.admit(arrival(mode=Mode.OFF))
    until(lambda: tally.report("acme", 1).arrived == 8)
    found = tally.report("acme", 1)
    assert found.reasons == (("env_rate", 3), ("org_rate", 2))
    assert found.trips == 2, "each of the levels tripped once, whatever came after"
    assert sum(each.arrived for each in tally.arrivals("acme", ["production"], *around())) == 5


def around():
    now = tally.now()
    return now - dt.timedelta(minutes=1), now + dt.timedelta(seconds=2)


def test_a_trip_is_counted_when_it_begins_not_while_it_holds():
    def ask(mode, at):
        return gate.admit(arrival(mode=mode, limit=1, hold_ms=500), now_ms=NOW_MS + at).trips

    gate.admit(arrival(mode=Mode.SHADOW, limit=1), now_ms=NOW_MS)
    assert [ask(Mode.SHADOW, at) for at in (1, 100, 300)] == [1, 0, 0]
    gate.admit(arrival(mode=Mode.SHADOW, limit=1), now_ms=NOW_MS + 1000)
    assert [ask(Mode.MIRROR, at) for at in (1001, 1002)] == [1, 0]
    gate.admit(arrival(mode=Mode.SHADOW, limit=1), now_ms=NOW_MS + 2000)
    assert [ask(Mode.ON, at) for at in (2001, 2002)] == [1, 0]


@pytest.mark.usefixtures("no_redis")
def test_tallies_wait_for_redis_and_are_bounded(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "TALLY_PENDING": 3}
    unsent = telemetry.Unsent()
    for at in range(5):
        unsent.decided(arrival(definition=f"flow-{at}"), ROOM)
        unsent.decided(arrival(definition="flow-0"), ROOM)
    unsent.flush()
    assert 1 <= len(unsent._tallies) <= 3
    assert unsent._tallies.total() + unsent._counts[telemetry.DROPPED] == 10
    unsent.forget()
