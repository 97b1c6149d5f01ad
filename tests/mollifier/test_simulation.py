import pytest
from django_redis import get_redis_connection

from mollifier import buffer, conf, course, gate, simulation, stats
from mollifier.decision import Limit, Limits, Mode, Mollify, PassThrough, Scope
from mollifier.errors import SandboxBusy, SimulationTooShort
from mollifier.sandbox import Sandbox
from mollifier.simulation import Terms
from mollifier.tally import Second
from tests.mollifier.makers import ACME, accept, arrival

AT = 1_700_000_000
OF_ENV = Limit(10, 200, 500)


def terms(limit=OF_ENV, *, drain_rate=500, **more):
    return Terms(limits=Limits(limit, more.pop("org_limit", Limit(0, 1000, 500))), drain_rate=drain_rate, **more)


def burst(*counts, env="production"):
    return [Second(AT + at, env, count, 0) for at, count in enumerate(counts) if count]


def test_the_simulation_decides_as_the_gate_does():
    recorded = burst(80, 30, 0, 200)
    found = simulation.run("acme", recorded, terms(drain_rate=1_000_000))
    now_ms = [each.at * 1000 + (n + 0.5) / each.arrived * 1000 for each in recorded for n in range(each.arrived)]
    passed = buffered = 0
    for at, ms in enumerate(now_ms):
        decision = gate.admit(arrival(limit=10), now_ms=ms)
        passed += isinstance(decision, PassThrough)
        buffered += isinstance(decision, Mollify)
        if at + 1 < len(now_ms) and now_ms[at + 1] // 100 > ms // 100:
            drain_all((ms // 100 + 1) * 100)
    assert (found.passed, found.buffered) == (passed, buffered)
    assert found.triggers == found.recorded == 310
    assert found.stopped == ""


def drain_all(now_ms):
    while claimed := buffer.claim(f"t-{now_ms}", 500, 60_000, now_ms=now_ms).entries:
        buffer.settle(f"t-{now_ms}", [buffer.Settle(each.id, each.patch_version) for each in claimed], now_ms=now_ms)


def test_a_burst_is_drained_at_the_rate_and_nothing_is_lost():
    found = simulation.run("acme", burst(1000), terms(Limit(1, 60_000, 500), drain_rate=100))
    assert (found.passed, found.buffered, found.refused, found.left) == (1, 999, 0, 0)
    # The bucket holds a second of the rate, then a hundred a second come out.
    assert 8_000 <= found.max_age_ms <= 10_000
    assert 800 <= found.peak_depth <= 999
    assert found.share == pytest.approx(99.9)
    assert sum(point.drained for point in found.points) == 999
    assert sum(point.arrived for point in found.points) == 1000
    assert found.wait_p50_ms < found.wait_p95_ms <= found.max_age_ms
    depths = [point.depth for point in found.points]
    assert depths == sorted(depths, reverse=True)


def test_a_greater_limit_buffers_less():
    recorded = burst(100, 100, 100)
    few, many = (simulation.run("acme", recorded, terms(Limit(count, 200, 0))) for count in (5, 50))
    assert many.buffered < few.buffered
    assert many.peak_depth <= few.peak_depth


def test_environments_have_their_own_limit_and_share_the_orgs():
    recorded = sorted(burst(10) + burst(10, env="staging"), key=lambda each: each.at)
    assert simulation.run("acme", recorded, terms()).buffered == 0
    found = simulation.run("acme", recorded, terms(org_limit=Limit(10, 60_000, 60_000)))
    assert found.reasons[0][0] == "org_rate"
    assert (found.passed, found.trips) == (10, 1)


def test_a_weight_counts_where_others_have_work_too():
    waits = {
        weight: simulation.run(
            "acme", burst(300), terms(Limit(1, 60_000, 0), drain_rate=200, weight=weight, rivals=1)
        ).max_age_ms
        for weight in (1.0, 4.0)
    }
    alone = simulation.run("acme", burst(300), terms(Limit(1, 60_000, 0), drain_rate=200)).max_age_ms
    assert alone < waits[4.0] < waits[1.0]
    # Half of 200 a second for 299 that came within one, against four fifths of it.
    assert 1_800 <= waits[1.0] <= 2_200


def test_a_burst_packed_into_less_of_its_second_is_buffered_more():
    wide, narrow = (simulation.run("acme", burst(40), terms(Limit(10, 200, 0), spread_ms=ms)) for ms in (1000, 100))
    assert wide.buffered == 0
    assert narrow.buffered == 30


def test_a_real_cap_refuses_in_the_simulation_too(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 50}
    found = simulation.run("acme", burst(200), terms(Limit(1, 60_000, 0), drain_rate=1))
    assert found.refused > 100
    assert found.peak_depth == 50


def test_more_than_the_cap_of_triggers_is_cut_and_said(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "SIMULATION_TRIGGERS": 100}
    found = simulation.run("acme", burst(60, 30, 30), terms())
    assert (found.triggers, found.recorded, found.stopped) == (90, 120, "triggers")
    assert simulation.run("acme", burst(500), terms()).triggers == 100


def test_a_simulation_that_takes_too_long_stops_and_says_so(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "SIMULATION_SECONDS": 0.0}
    with pytest.raises(SimulationTooShort):
        simulation.run("acme", burst(60), terms())
    settings.MOLLIFIER = {**settings.MOLLIFIER, "SIMULATION_SECONDS": 0.15}
    found = simulation.run("acme", burst(*[200] * 300), terms(Limit(1, 60_000, 0), drain_rate=10))
    assert found.stopped == "seconds"
    assert 0 < found.triggers < found.recorded
    assert keys_left() == []


def keys_left():
    return list(get_redis_connection("buffer").scan_iter(match="{mollifier:simulation}*"))


def test_nothing_of_the_real_buffer_is_touched_and_nothing_is_left():
    accept(3, ACME)
    before = stats.counters()
    heard = []
    simulation.run("acme", burst(100, 50), terms(drain_rate=10, rivals=2), lambda done, of: heard.append((done, of)))
    assert keys_left() == []
    assert decisions(stats.counters()) == decisions(before)
    assert stats.overview().queued == 3
    assert heard[-1] == (150, 150)


def decisions(counters):
    return {name: count for name, count in counters.items() if not name.startswith("seconds:")}


def test_one_simulation_runs_at_a_time():
    with Sandbox(), pytest.raises(SandboxBusy):
        simulation.run("acme", burst(1), terms())
    assert simulation.run("acme", burst(1), terms()).passed == 1


def test_nothing_recorded_is_nothing_to_simulate():
    with pytest.raises(ValueError, match="nothing was recorded"):
        simulation.run("acme", [], terms())


def test_a_day_is_told_in_a_bounded_number_of_points():
    recorded = [Second(AT + 600 * at, "production", 3, 0) for at in range(144)]
    found = simulation.run("acme", recorded, terms())
    assert len(found.points) <= course.MOST_POINTS
    assert found.step_seconds * course.MOST_POINTS >= 600 * 143
    assert sum(point.arrived for point in found.points) == 432


def test_an_org_in_any_mode_is_simulated_as_if_it_were_on():
    assert conf.current().divert
    gate.admit(arrival(Scope("acme", "production"), mode=Mode.OFF))
    assert simulation.run("acme", burst(30), terms(Limit(1, 1000, 0))).buffered > 0
