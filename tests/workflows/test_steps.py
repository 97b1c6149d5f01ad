from datetime import timedelta

import pytest

from workflows.steps import Retryable, StepInvalid, step


def test_a_bare_decorator_takes_the_functions_name_and_no_retries():
    @step
    def charge(amount):
        return amount + 1

    assert (charge.name, charge.retries, charge.is_async) == ("charge", 0, False)
    assert charge(1) == 2


def test_options_are_kept():
    @step(name="bill", retries=3, timeout_seconds=30)
    async def charge():
        return None

    assert (charge.name, charge.retries, charge.timeout_seconds, charge.is_async) == ("bill", 3, 30, True)


def test_pauses_are_longer_by_chance_so_that_what_failed_together_is_not_tried_together():
    @step(backoff_seconds=10, backoff_jitter=0.5)
    def charge():
        return None

    pauses = {charge.pause_before(1) for _ in range(50)}
    assert len(pauses) > 10
    assert all(10 <= pause <= 15 for pause in pauses)


def test_the_pause_doubles_up_to_its_cap():
    @step(retries=9, backoff_seconds=0.5, backoff_max_seconds=3, backoff_jitter=0)
    def charge():
        return None

    assert [charge.pause_before(retry) for retry in (1, 2, 3, 4, 5, 5000)] == [0.5, 1, 2, 3, 3, 3]


def test_no_pause_is_longer_than_any_wait_may_be():
    longest = timedelta(days=100 * 366).total_seconds()

    @step(backoff_seconds=longest, backoff_max_seconds=longest, backoff_jitter=1000)
    def charge():
        return None

    assert charge.pause_before(1) == longest


def test_retryable_takes_seconds_or_a_timedelta():
    assert Retryable("later", after=2).after_seconds == 2
    assert Retryable("later", after=timedelta(minutes=1)).after_seconds == 60
    assert Retryable("later").after_seconds is None


@pytest.mark.parametrize(
    "options",
    [
        {"name": "a b"},
        {"retries": -1},
        {"timeout_seconds": 0},
        {"timeout_seconds": float("nan")},
        {"backoff_jitter": float("nan")},
        {"backoff_jitter": float("inf")},
        {"backoff_seconds": -1},
        {"backoff_max_seconds": float("inf")},
        {"backoff_factor": 1e9},
    ],
)
def test_what_can_not_work_is_refused(options):
    with pytest.raises(StepInvalid):
        step(**{"name": "charge", **options})(lambda: None)


@pytest.mark.parametrize("after", ["30", float("nan"), float("inf"), 1e300, b"1"])
def test_a_pause_that_no_retry_can_wait_is_refused_where_it_is_made(after):
    with pytest.raises(ValueError, match="after"):
        Retryable(after=after)


def test_a_pause_that_has_passed_is_none():
    assert Retryable(after=-5).after_seconds == 0
    assert Retryable(after=timedelta(seconds=-5)).after_seconds == 0
