"""When expressions fire, and what becomes of that where clocks are changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows import cron

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fires(expression: str, zone: str, after: str, count: int) -> list[str]:
    """Return the next fires as the clocks of the zone show them, with their offset."""
    times = cron.parse(expression, zone)
    return [f"{each.astimezone(times.zone):%d %H:%M %z}" for each in times.upcoming(at(after), count)]


def test_it_fires_by_the_clocks_of_its_zone():
    assert fires("30 9 * * mon-fri", "America/New_York", "2026-11-20T12:00", 2) == ["20 09:30 -0500", "23 09:30 -0500"]
    assert fires("@daily", "UTC", "2026-11-20T00:00", 1) == ["21 00:00 +0000"]


def test_day_and_weekday_are_joined_by_or():
    assert fires("0 0 13 * 5", "UTC", "2026-11-01T00:00", 3) == [f"{day} 00:00 +0000" for day in ("06", "13", "20")]


def test_a_time_that_the_clocks_skip_fires_when_they_are_changed():
    assert fires("30 2 * * *", BERLIN, "2026-03-27T12:00", 3) == ["28 02:30 +0100", "29 03:00 +0200", "30 02:30 +0200"]


def test_several_skipped_times_fire_once():
    assert fires("*/20 2 * * *", BERLIN, "2026-03-28T12:00", 2) == ["29 03:00 +0200", "30 02:00 +0200"]


def test_a_skipped_time_and_the_one_it_falls_on_fire_once():
    assert fires("0 2,3 * * *", BERLIN, "2026-03-28T12:00", 2) == ["29 03:00 +0200", "30 02:00 +0200"]


def test_a_time_that_the_clocks_show_twice_fires_the_first_time():
    assert fires("30 2 * * *", BERLIN, "2026-10-24T12:00", 2) == ["25 02:30 +0200", "26 02:30 +0100"]


def test_a_schedule_made_in_the_repeated_hour_fires_when_that_is_over():
    assert fires("*/30 2,3 * * *", BERLIN, "2026-10-25T01:05", 1) == ["25 03:00 +0100"]


def test_hours_that_begin_with_a_star_count_real_time():
    assert fires("*/30 * * * *", BERLIN, "2026-03-29T00:10", 3) == [
        "29 01:30 +0100",
        "29 03:00 +0200",
        "29 03:30 +0200",
    ]
    assert fires("*/30 * * * *", BERLIN, "2026-10-24T23:50", 5) == [
        "25 02:00 +0200",
        "25 02:30 +0200",
        "25 02:00 +0100",
        "25 02:30 +0100",
        "25 03:00 +0100",
    ]


def test_clocks_changed_at_midnight_or_by_half_an_hour_are_no_exception():
    assert fires("0 0 * * *", "Africa/Cairo", "2026-04-23T12:00", 2) == ["24 01:00 +0300", "25 00:00 +0300"]
    assert fires("45 1 * * *", "Australia/Lord_Howe", "2026-04-03T15:00", 2) == ["05 01:45 +1100", "06 01:45 +1030"]


def test_years_between_two_fires_are_bridged():
    assert next(cron.parse("0 0 29 2 *", "America/New_York").upcoming(at("2026-11-21T00:00"), 1)) == at(
        "2028-02-29T05:00"
    )


ZONES = ("UTC", BERLIN, "America/Sao_Paulo", "Africa/Casablanca", "Australia/Lord_Howe", "Asia/Kolkata")
EXPRESSIONS = ("*/7 * * * *", "30 2 * * *", "*/20 1-3 * * *", "0 0 1 * *", "15 */6 * * 1-5", "59 23 31 12 *")
MOMENTS = st.integers(0, 8 * 366 * 86_400).map(lambda seconds: at("2024-01-01T00:00") + timedelta(seconds=seconds))


@given(st.sampled_from(EXPRESSIONS), st.sampled_from(ZONES), MOMENTS, st.integers(0, 99))
def test_a_fire_is_later_and_none_is_between(expression: str, zone: str, moment: datetime, percent: int):
    times = cron.parse(expression, zone)
    found = times.next_after(moment)
    assert found > moment
    assert times.next_after(moment + (found - moment) * percent / 100) == found


@given(st.sampled_from(EXPRESSIONS), st.sampled_from(ZONES), MOMENTS, st.integers(0, 400 * 86_400))
def test_the_last_fire_until_now_is_the_one_before_the_next(expression: str, zone: str, moment: datetime, late: int):
    times = cron.parse(expression, zone)
    known = times.next_after(moment)
    now = known + timedelta(seconds=late)
    last = times.last_until(now, known)
    assert known <= last <= now < times.next_after(last)


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "* * * * * *", "60 * * * *", "a b c d e", "*/0 * * * *", "H * * * *", "R * * * *", "0 0 31 2 *"],
)
def test_what_can_not_fire_is_refused(expression: str):
    with pytest.raises(cron.CronInvalid):
        cron.parse(expression)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "europe/berlin"])
def test_an_unknown_zone_is_refused(zone: str):
    with pytest.raises(cron.TimezoneUnknown):
        cron.parse("* * * * *", zone)


def test_a_name_of_a_zone_is_the_zone():
    assert cron.parse("* * * * *", BERLIN).zone == ZoneInfo(BERLIN)
