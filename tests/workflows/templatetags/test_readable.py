"""How numbers, times and states are written for operators."""

from datetime import datetime, timedelta, timezone

import pytest

from workflows.models import DefinitionChange, FlagChange
from workflows.templatetags import readable


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, readable.NOTHING),
        (0, "0 ms"),
        (0.0404, "40 ms"),
        (0.9996, "1.0 s"),
        (2.54, "2.5 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (7500, "2 h 5 min"),
        (187_200, "2 d 4 h"),
        (-3, "0 ms"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float | None, words: str) -> None:
    assert readable.duration(seconds) == words


@pytest.mark.parametrize(
    ("octets", "words"),
    [(None, readable.NOTHING), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (15_000, "15 KiB"), (2**31, "2.0 GiB")],
)
def test_a_size_is_short(octets: int | None, words: str) -> None:
    assert readable.size(octets) == words


@pytest.mark.parametrize(
    ("per_second", "words"),
    [(None, readable.NOTHING), (0, "0"), (0.24, "0.2"), (9.94, "9.9"), (9.96, "10"), (1234.5, "1,234")],
)
def test_a_rate_has_a_decimal_only_where_it_says_something(per_second: float | None, words: str) -> None:
    assert readable.rate(per_second) == words


@pytest.mark.parametrize(
    ("number", "cap", "words"), [(9_999, 10_000, "9,999"), (10_001, 10_000, "10k+"), (51, 50, "50+")]
)
def test_a_count_beyond_its_cap_says_so(number: int, cap: int, words: str) -> None:
    assert readable.capped(number, cap) == words


def test_counts_and_weights_are_plain() -> None:
    assert (readable.count(1234567), readable.count(None)) == ("1,234,567", readable.NOTHING)
    assert (readable.weight(1.0), readable.weight(0.25)) == ("1", "0.25")


def test_a_badge_escapes_what_it_shows_and_says_the_state_in_words() -> None:
    assert "mo-bad" in readable.badge("system_failure")
    assert ">system failure<" in readable.badge("system_failure")
    assert "<script>" not in readable.badge("<script>")


def test_a_change_is_told_by_what_differs() -> None:
    change = FlagChange(
        before={"mode": "off", "limit": None, "percent": 100}, after={"mode": "on", "limit": 5, "percent": 100}
    )
    assert readable.differences(change) == "mode off → on, limit default → 5"
    before, after = {"paused": False, "window_ms": None, "weight": 1.0}, {"paused": True, "window_ms": 60_000}
    told = readable.differences(FlagChange(before=before, after={**after, "weight": 9.5}))
    assert told == "paused no → yes, window default → 1 min, weight 1 → 9.5"
    assert readable.differences(FlagChange(before={"mode": "on"}, after={"mode": "on"})) == "nothing"


def test_a_change_of_a_definition_is_told_member_by_member() -> None:
    change = DefinitionChange(before={"version": None, "active": True}, after={"version": 1, "active": False})
    assert readable.changed(change) == "version none → 1, active yes → no"
    assert readable.changed(DefinitionChange(before={"limit": 1}, after={"limit": 1})) == "nothing"


@pytest.mark.parametrize(("amount", "said"), [(None, readable.NOTHING), (12.4, "12 ms"), (2_500, "2.5 s")])
def test_milliseconds_are_told_like_seconds(amount, said) -> None:
    assert readable.milliseconds(amount) == said


def test_a_time_of_another_zone_is_told_by_its_own_clock() -> None:
    at = datetime(2026, 11, 23, 7, 0, tzinfo=timezone(timedelta(hours=1)))
    assert readable.there(at) == "Mon 23 Nov 2026 07:00 (UTC+01:00)"


def test_a_time_has_its_zone() -> None:
    there = datetime(2026, 11, 2, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    assert readable.moment(there) == "1 Nov 2026 23:02:03 UTC"
    assert readable.moment(None) == readable.NOTHING
