"""What is held against a cascade: each check, kept and broken."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
from django.utils import timezone

from bench.chaos import phases, rulings
from bench.chaos.findings import Loaded
from bench.chaos.phases import Emitted, Outcome, Play
from tests.bound import emitted as event
from tests.tenants import make_env
from workflows.intake import events, refresher
from workflows.models import Instance, Storm

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = 2


def play(unexpected=()):
    return Play(SimpleNamespace(unexpected=lambda: list(unexpected)), rate=10, seconds=1, limit=LIMIT)


def stormed(**more):
    """Have five pings meet a limit of two; return what an emitter was told of it."""
    env = make_env()
    phases.bind(env, "allow_all", LIMIT)
    refresher.refresh()
    for number in range(5):
        events.submit_matching(event(env, phases.PING, key=f"evt-{number}"))
    Instance.objects.update(finished_at=timezone.now(), status="completed")
    phases.swept(env)
    opened = Storm.objects.get().opened_at.timestamp()
    told = {"Started": 2, rulings.REFUSED: 3}
    given = {"events": 10, "outcomes": {rulings.PING_GROUP: Counter(told)}, "refused_at": {rulings.PING_GROUP: opened}}
    return outcome(env, most=2, **(given | more))


def outcome(env, most=0, **told):
    return Outcome(env.id, Emitted(**told), {"groups": {"some": {"most": most}}}, True, 0.1, 0.1)


def broken(checks):
    return {check.name for check in checks if check.held is False}


def test_a_storm_that_was_held_seen_counted_and_closed_breaks_nothing():
    assert broken(rulings.of_storm(play(), stormed())) == set()


def test_one_more_than_the_limit_breaks_it():
    found = stormed()
    found.seen["groups"]["some"]["most"] = LIMIT + 1
    assert broken(rulings.of_storm(play(), found)) == {"backlog"}
    assert broken(rulings.of_storm(replace(play(), limit=LIMIT - 1), found)) == {"backlog", "rows"}


def test_an_event_without_its_instance_a_refusal_that_nobody_counted_and_a_late_storm_break_it():
    told = Counter({"Started": 3, rulings.REFUSED: 4})
    late = {rulings.PING_GROUP: 0.0}
    found = stormed(outcomes={rulings.PING_GROUP: told}, refused_at=late, events=3)
    assert broken(rulings.of_storm(play(), found)) == {"missing", "uncounted", "opened", "rate"}


def test_what_lives_on_and_a_storm_that_stays_open_break_it():
    found = stormed()
    Storm.objects.update(closed_at=None)
    Instance.objects.update(finished_at=None, status="running")
    assert broken(rulings.of_storm(play(), found)) == {"open", "unfinished"}


def test_a_run_that_refused_nothing_shows_nothing():
    env = make_env()
    assert broken(rulings.of_storm(play(), outcome(env, events=10))) == {"refused"}


def test_others_are_compared_with_alone_and_with_as_many_events_that_start_nothing():
    alone, busy, beside = Loaded([10.0]), Loaded([14.0]), Loaded([16.0], lost=1)
    found = {check.name: check for check in rulings.of_others(alone, busy, beside)}
    assert broken(found.values()) == {"others", "dwell_p50", "dwell_p99"}
    assert (found["dwell_p50"].ours, found["dwell_p50_busy"].ours) == (1.6, 1.143)
    assert found["dwell_p50_busy"].held is None
    assert broken(rulings.of_others(alone, busy, Loaded([15.0]))) == set()


def test_a_loop_that_was_not_avoided_breaks_it():
    env = make_env()
    phases.bind(env, "avoid_loop", 0)
    refresher.refresh()
    events.submit_matching(event(env, phases.FED))
    Instance.objects.update(finished_at=Instance.objects.get().created_at)
    good = outcome(env, outcomes={"chaos-feed chaos.fed": Counter(Started=1)})
    assert broken(rulings.of_avoided(good)) == set()
    Instance.objects.update(chain=["chaos-feed"], depth=2, finished_at=None)
    assert broken(rulings.of_avoided(good)) == {"avoided_looping", "avoided_depth", "avoided_live"}
    assert broken(rulings.of_avoided(outcome(env))) >= {"avoided_more"}


def test_a_control_that_does_not_run_away_shows_nothing():
    env = make_env()
    assert broken(rulings.of_undamped(play(), outcome(env, most=20))) == set()
    assert broken(rulings.of_undamped(play(), outcome(env, most=19))) == {"control"}


def test_errors_of_emitters_and_pumps_break_it():
    fine, odd = outcome(make_env("a")), outcome(make_env("b"), errors=["odd"])
    assert rulings.unexpected(play(), fine, fine).held
    assert rulings.unexpected(play(["Traceback"]), fine, odd).ours == 2


def test_a_phase_is_told_as_json_has_it():
    told = rulings.seen(stormed())
    assert told["storms"] == {"closed_by": {"sweep": 1}, "refused": {rulings.PING_GROUP: 3}, "peak": 2}
    assert told["instances"] == {"total": 2, "from_outside": 2, "deepest": 0}
    assert told["rows_at_once"] == {rulings.PING_GROUP: 2}
