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


@pytest.mark.parametrize("type_", ["", "a..b", "a b", "x" * 101, 7, "workflow.instance_terminal"])
def test_an_event_must_have_a_type_that_bindings_can_name(ctx, type_):
    with pytest.raises(ContextMisused, match="type"):
        ctx.emit(type_)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\0b", 7])
def test_the_key_of_an_event_must_fit_its_column(ctx, key):
    with pytest.raises(ContextMisused, match="key"):
        ctx.emit("order.created", key=key)


@pytest.mark.parametrize("name", ["", "a b", "x" * 101])
def test_a_hook_has_a_name_and_perhaps_a_token_of_plain_characters(ctx, name):
    with pytest.raises(ContextMisused, match="name"):
        ctx.hook(name)
    with pytest.raises(ContextMisused, match="token"):
        ctx.hook("approval", (name or "a/b") * 201)
    assert ctx.hook("approval", "order-1:a").wanted == "order-1:a"


def test_a_moment_to_sleep_until_names_its_time_zone(ctx):
    with pytest.raises(ContextMisused, match="time zone"):
        ctx.sleep_until(datetime(2030, 1, 1))  # noqa: DTZ001 - that is the fault
    assert ctx.sleep_until(MOMENT).until == MOMENT
    with pytest.raises(ContextMisused, match="9999"):
        ctx.sleep_until(datetime.fromisoformat("9999-12-31T23:59:59-10:00"))


def test_a_race_needs_somebody_and_a_child_a_payload_that_is_json(ctx):
    with pytest.raises(ContextMisused, match="nobody"):
        ctx.race()
    with pytest.raises(ContextMisused, match="payload of a child"):
        ctx.child("noop", object())


@pytest.mark.parametrize("name", ["", "a\x1fb", "a\0b", "a/b", "\ud800", "x" * 101])
def test_a_name_that_the_log_could_not_hold_or_would_mistake_is_refused(ctx, name):
    with pytest.raises(ContextMisused, match="name"):
        ctx.race(**{name: ctx.sleep(1)})
    with pytest.raises(ContextMisused, match="name"):
        ctx.child(name)
    with pytest.raises(ContextMisused, match="name"):
        ctx.hook(name)
