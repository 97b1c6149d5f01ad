"""B1, B2 and B7 on a few calls: that they measure what they say."""

import pytest

from bench import arrivals, gate
from bench.rounds import Clock
from mollifier.decision import Mollify, Passed, PassThrough, Reason


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(gate, "ROUNDS", 1)
    monkeypatch.setattr(gate, "CALLS", 400)
    monkeypatch.setattr(gate, "PIPELINES", 6)
    monkeypatch.setattr(gate, "UNASKED", 10)


def test_each_way_through_the_gate_is_measured_against_nothing(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "EXCHANGE_TIMEOUT_MS": 5_000}
    for measure, id_ in ((gate.against_nothing, "B1"), (gate.pipelined, "B2")):
        ways = [each for each in measure(Clock(60)) if each.against is not None]
        assert [each.id for each in ways] == [f"{id_}.{name}" for name in ("shadow", "passed", "accepted", "keyed")]
        assert all(each.ours > 0 and each.ratio is not None for each in ways)


def test_the_other_side_sends_the_same_bytes_to_a_script_that_changes_nothing():
    (one,) = gate.ACCEPTED.make(1)
    (idle,) = gate.without_effect([one])
    assert gate.redis().execute_command(*idle) == [b"passed", b"room"]
    assert idle[3:] == gate.gate.command(one, gate.conf.current(), 0, None, None)[3:]
    assert gate.redis().dbsize() == 0


def test_what_went_another_way_is_no_measurement():
    mollified = Mollify(Reason.BACKLOG, 1, 1, 1, 0.0, wake=False)
    gate.check(gate.ACCEPTED, [mollified] * 9 + [PassThrough(Passed.ROOM)])
    with pytest.raises(AssertionError, match="were not accepted"):
        gate.check(gate.ACCEPTED, [mollified, PassThrough(Passed.ROOM)])
    with pytest.raises(AssertionError, match="failed open"):
        gate.check(gate.ACCEPTED, [mollified] * 9 + [PassThrough(Passed.FAIL_OPEN)])


def test_what_needs_no_redis_is_seen_to_ask_none(monkeypatch):
    assert [each.id for each in gate.unasked(Clock(60))] == ["B7.off", "B7.divert"]
    enrolled = arrivals.make(1)
    monkeypatch.setattr(arrivals, "make", lambda *_, **__: enrolled)
    with pytest.raises(AssertionError, match="asked Redis"):
        gate.unasked(Clock(60))
