"""What a rollout is judged by."""

import pytest

from mollifier import client, keys
from workflows.intake import guardrails
from workflows.intake.guardrails import Guardrails, Measures

STRICT = Guardrails(max_drain_failures=2, max_dwell_p95_ms=1_000, max_stale=0, max_fail_open_percent=1.0)


def measured(**changed) -> Measures:
    return Measures(**{"decisions": 1_000, "dwell": (0,) * 15, **changed})


def test_the_counters_that_every_process_shares_are_read():
    counters = {"drain:failed": 1, "drain:requeued": 2, "gate:passed:room": 90, "gate:passed:fail_open": 10}
    for name, count in {**counters, "dwell:250": 7, "dwell:inf": 1}.items():
        client.call(("HINCRBY", keys.key("counters"), name, count))
    found = guardrails.measure()
    assert (found.drain_failures, found.decisions, found.failed_open, found.stale) == (3, 100, 10, 0)
    assert (found.dwell[5], found.dwell[-1], sum(found.dwell)) == (7, 1, 8)


@pytest.mark.usefixtures("no_redis")
def test_without_redis_nothing_is_measured():
    assert guardrails.measure() is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"drain_failures": 3}, "drain failures 3, at most 2"),
        ({"dwell": (0,) * 9 + (100,) + (0,) * 5}, "dwell p95 4875 ms, at most 1000 ms"),
        ({"stale": 1}, "stale entries 1, at most 0"),
        ({"failed_open": 30, "decisions": 2_000}, "failed open 3 %, at most 1 %"),
    ],
)
def test_each_guardrail_breaks_by_itself(changed, said):
    judged = guardrails.judge(STRICT, measured().as_json(), measured(**changed))
    assert judged.breaches == (said,)


def test_what_came_before_the_step_is_not_held_against_it():
    past = measured(drain_failures=500, failed_open=900, stale=35, dwell=(0,) * 14 + (50,))
    judged = guardrails.judge(STRICT, past.as_json(), past)
    assert judged.breaches == ()
    assert (judged.decisions, judged.drain_failures, judged.dwell_p95_ms) == (0, 0, None)


def test_counters_that_began_anew_count_from_nothing():
    judged = guardrails.judge(STRICT, measured(drain_failures=500, decisions=10_000).as_json(), measured(decisions=5))
    assert (judged.decisions, judged.drain_failures, judged.breaches) == (5, 0, ())
