from datetime import UTC, datetime, timedelta

import pytest

from tests.workflows.making import identity_of
from workflows.context import Context
from workflows.operations import ContextMisused
from workflows.steps import step


@step
def charge(order, *, currency="EUR"):
    return order


MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ctx():
    return Context(identity_of(), lambda: MOMENT)


def test_arguments_travel_as_json(ctx):
    assert ctx.step(charge, {"id": 1}, currency="USD").arguments == b'[[{"id":1}],{"currency":"USD"}]'
    assert ctx.step(charge).arguments == b"[[],{}]"


def test_a_sleep_takes_seconds_or_a_timedelta(ctx):
    assert ctx.sleep(0.5).seconds == 0.5
    assert ctx.sleep(seconds=timedelta(minutes=2)).seconds == 120


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 1e12])
def test_a_sleep_that_can_not_be_slept_is_refused(ctx, seconds):
    with pytest.raises(ContextMisused):
        ctx.sleep(seconds)


def test_only_registered_steps_can_be_run(ctx):
    with pytest.raises(ContextMisused, match="@step"):
        ctx.step(print)


@pytest.mark.parametrize("argument", [object(), "\ud800"])
def test_arguments_that_are_not_json_are_refused(ctx, argument):
    with pytest.raises(ContextMisused, match="charge"):
        ctx.step(charge, argument)
