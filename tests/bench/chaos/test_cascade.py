"""A short cascade through the real stack, judged by its counts alone: what a slow machine may break is left out."""

import pytest

from bench.chaos import phases, rulings, stack
from bench.chaos.phases import Play


@pytest.mark.processes
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("for_processes")
def test_loops_are_held_at_the_limit_beside_others_and_run_away_without_the_damper(settings, monkeypatch):
    # Processes that look for changes by themselves, which those of other tests don't.
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "settings.local")
    monkeypatch.setenv("SECRET_KEY", settings.SECRET_KEY)
    monkeypatch.setenv("BENCH_CASCADE_SECONDS", "1.5")
    monkeypatch.setenv("WORKFLOWS_MAX_DEPTH", "10000")
    monkeypatch.setenv("WORKFLOWS_LEASE_MS", "10000")
    monkeypatch.setenv("WORKFLOWS_SNAPSHOT_REFRESH_MS", "200")
    monkeypatch.setattr(phases, "SPREAD_SECONDS", 1.0)
    with stack.standing() as standing:
        play = Play(standing, rate=60, seconds=3, limit=4)
        storm, avoided, undamped = play.storm(), play.avoided(1), play.undamped(3)
        checks = [
            *rulings.of_storm(play, storm),
            *rulings.of_others(storm.others, storm.others, storm.others),
            *rulings.of_avoided(avoided),
            *rulings.of_undamped(play, undamped),
            rulings.unexpected(play, storm, avoided, undamped),
        ]
        told = standing.unexpected()
    assert told == []
    assert {check.name for check in checks if check.held is not None} >= {
        "backlog",
        "rows",
        "refused",
        "avoided",
        "control",
    }
    broken = [check for check in checks if check.held is False and not check.timed]
    assert broken == [], (broken, rulings.seen(storm))
    assert storm.others.dwells, "other orgs had something buffered"
