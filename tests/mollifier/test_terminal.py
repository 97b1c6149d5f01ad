"""The buffer as text: the verdict, what orgs gain, and what fits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mollifier import terminal
from mollifier.stats import OrgDepth, Overview
from mollifier.terminal import Level, Twin

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUIET = Overview(available=True, sweep_last_cycle_at=NOW)
DRAINING = replace(QUIET, buffered=9, queued=9, oldest_age_seconds=20.0, drainer_last_beat_at=NOW)


@pytest.mark.parametrize(
    ("overview", "level", "why"),
    [
        (Overview(), Level.FAILING, "Redis does not answer"),
        (QUIET, Level.OK, "nothing waits"),
        (DRAINING, Level.OK, "9 buffered and draining"),
        (replace(DRAINING, drainer_last_beat_at=NOW - timedelta(seconds=61)), Level.FAILING, "nobody drains"),
        (replace(DRAINING, drainer_last_beat_at=None), Level.FAILING, "nobody drains"),
        (replace(DRAINING, drainer_last_beat_at=None, oldest_age_seconds=1.0), Level.OK, "9 buffered"),
        (replace(QUIET, buffered=1, delayed=1), Level.FAILING, "nobody drains"),
        (replace(QUIET, failed=2), Level.DEGRADED, "2 dead letters"),
        (replace(DRAINING, stale=3), Level.DEGRADED, "3 stale"),
        (replace(DRAINING, oldest_age_seconds=90.0), Level.DEGRADED, "the oldest has waited 90.0 s"),
        (replace(QUIET, orphaned=1), Level.DEGRADED, "1 ids without an entry"),
        (replace(QUIET, sweep_last_cycle_at=NOW - timedelta(hours=1)), Level.DEGRADED, "come round for 60 min"),
        (replace(QUIET, sweep_last_cycle_at=None), Level.OK, "nothing waits"),
    ],
)
def test_the_verdict_names_the_worst(overview, level, why):
    verdict = terminal.judge(overview, NOW)
    assert verdict.level is level
    assert why in str(verdict)


def drawn(twin, seconds, **queued):
    orgs = [OrgDepth(org, count, 2.0, 1.0) for org, count in queued.items()]
    overview = replace(DRAINING, buffered=sum(queued.values()))
    return twin.draw(overview, orgs, NOW + timedelta(seconds=seconds))


def test_orgs_stand_by_depth_with_what_they_gained_since_the_last_time():
    twin = Twin()
    assert [line.split()[:3] for line in drawn(twin, 0, a=10, b=30)[-2:]] == [["b", "30", "-"], ["a", "10", "-"]]
    assert [line.split()[:3] for line in drawn(twin, 2, a=20, b=10, c=4)[-3:]] == [
        ["a", "20", "+5.0"],
        ["b", "10", "-10.0"],
        ["c", "4", "+2.0"],
    ]


def test_what_redis_did_not_tell_is_no_fall_to_nothing():
    twin = Twin()
    drawn(twin, 0, a=10)
    assert twin.draw(Overview(), (), NOW + timedelta(seconds=1))[0].startswith("failing: Redis")
    assert list(twin.depths) == [10]
    assert drawn(twin, 5, a=20)[-1].split()[2] == "+2.0"


def test_depths_are_drawn_as_bars_and_only_the_last_are_kept():
    assert terminal.sparkline([0, 5, 10]) == "▁▄█"
    assert terminal.sparkline([0, 0]) == "▁▁"
    assert terminal.sparkline([]) == ""
    twin = Twin()
    for second in range(100):
        drawn(twin, second, a=1)
    assert len(twin.depths) == terminal.DEPTHS_KEPT


def test_lines_are_cut_to_the_screen_and_what_is_left_out_is_counted():
    lines = ["x" * 100, "a", "b", "c", "d"]
    assert terminal.fitted(lines, 20, 5) == ["x" * 20, "a", "b", "c", "d"]
    assert terminal.fitted(lines, 20, 3) == ["x" * 20, "a", "  and 3 more"]
