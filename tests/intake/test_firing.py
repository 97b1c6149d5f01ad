"""What a fire may do, by what is known of the instance before it."""

from datetime import timedelta

import pytest
from uuid_utils.compat import uuid7

from tests.intake.schedules import MINUTE, NOON
from tests.tenants import make_env, request
from workflows.intake import firing, submission
from workflows.intake.firing import Outcome, Settled, Submit, Wait
from workflows.models import Schedule


def schedule(**values) -> Schedule:
    return Schedule(**{"definition": "greet", "cron": "0 * * * *", "next_at": NOON, "overlap": "skip", **values})


@pytest.mark.parametrize(
    ("overlap", "busy", "outcome"),
    [
        ("skip", True, Outcome.SKIPPED),
        ("queue", True, Outcome.QUEUED),
        ("skip", None, Outcome.DEFERRED),
        ("queue", None, Outcome.DEFERRED),
    ],
)
def test_an_unfinished_instance_before_it_holds_a_fire_back(overlap, busy, outcome):
    verdict = firing.judge(schedule(overlap=overlap), NOON, busy)
    assert isinstance(verdict, Settled)
    assert verdict.fired.outcome is outcome


@pytest.mark.parametrize(("overlap", "busy"), [("skip", False), ("queue", False), ("allow", True), ("allow", None)])
def test_nothing_holds_the_others_back(overlap, busy):
    assert isinstance(firing.judge(schedule(overlap=overlap), NOON, busy), Submit)


def test_the_one_that_waits_goes_first_and_nothing_happens_before_it_may():
    waiting = schedule(overlap="queue", queued_at=NOON - MINUTE, next_at=NOON + MINUTE)
    assert isinstance(firing.judge(waiting, NOON, busy=True), Wait)
    assert firing.judge(waiting, NOON, busy=False) == Submit(firing.Fire(waiting, NOON - MINUTE, waited=True))
    verdict = firing.judge(waiting, NOON, busy=None)
    assert isinstance(verdict, Settled)
    assert verdict.fired.outcome is Outcome.DEFERRED


def test_what_is_looked_at_before_its_time_waits():
    assert isinstance(firing.judge(schedule(next_at=NOON + MINUTE), NOON, busy=False), Wait)
    assert isinstance(firing.judge(schedule(next_at=None), NOON, busy=False), Wait)


def test_a_late_fire_counts_as_missed_only_where_none_is_made_up_for():
    late = NOON + timedelta(seconds=121)
    assert isinstance(firing.judge(schedule(catch_up="last"), late, busy=False), Submit)
    verdict = firing.judge(schedule(catch_up="none"), late, busy=False)
    assert isinstance(verdict, Settled)
    assert verdict.fired.outcome is Outcome.MISSED


def test_a_key_of_another_body_is_the_fire_that_was_started_before_an_edit():
    id_ = uuid7()
    fired = firing.fired_as(submission.Mismatch(id_))
    assert (fired.outcome, fired.instance_id, fired.certain) == (Outcome.EXISTING, id_, True)


@pytest.mark.django_db
def test_what_was_submitted_before_is_existing():
    env = make_env()
    started, again = (firing.fired_as(submission.submit(request(env, idempotency_key="k"))) for _ in range(2))
    assert (started.outcome, again.outcome) == (Outcome.STARTED, Outcome.EXISTING)
    assert started.instance_id == again.instance_id
