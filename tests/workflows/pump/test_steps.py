import asyncio
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from tests.waiting import until
from tests.workflows.making import data_of, make_instance, output, row, types_of
from tests.workflows.pumping import run_until_idle, running
from workflows import eventlog
from workflows.fence import END, Append, Change, NewEvent
from workflows.models import Shard
from workflows.states import EventType, Status
from workflows.steps import Fatal, Retryable, step

pytestmark = pytest.mark.django_db(transaction=True)


@step
def add(first, second):
    return first + second


def test_async_steps_run_on_the_loop(flow):
    @step
    async def later(number):
        await asyncio.sleep(0.01)
        return number * 2

    @flow
    async def run(ctx, payload):
        return await ctx.gather(*(ctx.step(later, number) for number in range(50)))

    instance = make_instance("flow")
    run_until_idle()
    assert output(instance) == [number * 2 for number in range(50)]


def test_a_failing_step_is_retried_durably_and_may_succeed(flow):
    attempts = []

    @step(retries=2, backoff_seconds=0.02)
    def shaky():
        attempts.append(timezone.now())
        if len(attempts) < 3:
            raise ValueError(f"attempt {len(attempts)}")
        return "done"

    @flow
    async def run(ctx, payload):
        return await ctx.step(shaky)

    instance = make_instance("flow")
    with running():
        until(lambda: row(instance).status == Status.COMPLETED)
    assert types_of(instance).count("step_retrying") == 2
    first, second = data_of(instance, EventType.STEP_RETRYING)
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert first["error"] == {"code": "error", "message": "ValueError: attempt 1", "type": "ValueError"}
    assert attempts[2] - attempts[1] >= timedelta(seconds=0.04)


def test_a_step_whose_retries_are_spent_fails_the_instance(flow):
    @step(retries=1, backoff_seconds=0)
    def broken():
        raise ValueError("no")

    @flow
    async def run(ctx, payload):
        await ctx.step(broken)

    instance = make_instance("flow")
    run_until_idle()
    assert types_of(instance)[2:] == ["step_retrying", "step_failed", "failed"]
    assert (row(instance).status, row(instance).error_code) == (Status.FAILED, "error")


def test_fatal_is_not_retried_and_keeps_its_code(flow):
    @step(retries=5)
    def refuse():
        raise Fatal("no such card", code="declined")

    @flow
    async def run(ctx, payload):
        await ctx.step(refuse)

    instance = make_instance("flow")
    run_until_idle()
    assert types_of(instance)[2:] == ["step_failed", "failed"]
    assert (row(instance).error_code, row(instance).error_message) == ("declined", "no such card")


def test_retryable_names_its_own_pause(flow):
    seen = []

    @step(retries=1, backoff_seconds=3600)
    def ask():
        seen.append(1)
        if len(seen) == 1:
            raise Retryable("busy", after=0.01)
        return "ok"

    @flow
    async def run(ctx, payload):
        return await ctx.step(ask)

    instance = make_instance("flow")
    with running():
        until(lambda: row(instance).status == Status.COMPLETED)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_step_that_takes_too_long_is_timed_out(flow, kind):
    release = threading.Event()

    @step(timeout_seconds=0.05)
    def slow():
        release.wait(20)

    @step(timeout_seconds=0.05, name="slow")
    async def slow_async():
        await asyncio.sleep(20)

    @flow
    async def run(ctx, payload):
        await ctx.step(slow if kind == "sync" else slow_async)

    instance = make_instance("flow")
    with running():
        until(lambda: row(instance).status == Status.FAILED)
        release.set()
    assert row(instance).error_code == "step_timeout"
    assert types_of(instance)[2:] == ["step_failed", "failed"]


def test_a_result_that_is_not_json_fails_the_step(flow):
    @step
    def odd():
        return object()

    @flow
    async def run(ctx, payload):
        await ctx.step(odd)

    instance = make_instance("flow")
    run_until_idle()
    assert row(instance).error_code == "result_invalid"


def test_cancelling_reaches_an_async_step(flow):
    started, ended = threading.Event(), threading.Event()

    @step
    async def hold():
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    @flow
    async def run(ctx, payload):
        await ctx.step(hold)

    instance = make_instance("flow")
    with running():
        assert started.wait(20)
        eventlog.append(Append(instance, (NewEvent(EventType.CANCELLED, END),), change=Change(Status.CANCELLED)))
        assert ended.wait(20)


def test_steps_never_run_wider_than_the_shard_allows(flow):
    Shard.objects.create(index=0, max_parallelism=3)
    lock, now, most = threading.Lock(), [0], [0]

    @step
    def count():
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.01)
        with lock:
            now[0] -= 1

    @flow
    async def run(ctx, payload):
        await ctx.gather(*(ctx.step(count) for _ in range(20)))

    instance = make_instance("flow")
    run_until_idle()
    assert row(instance).status == Status.COMPLETED
    assert 1 < most[0] <= 3


def test_a_plain_step_that_timed_out_keeps_its_place_until_it_returns(flow):
    begun, release = [], threading.Event()

    @step(timeout_seconds=0.05)
    def hold(name):
        begun.append(name)
        release.wait(30)

    @flow
    async def run(ctx, name):
        await ctx.step(hold, name)

    Shard.objects.create(index=0, max_parallelism=1)
    late = make_instance("flow", "late")
    with running():
        until(lambda: row(late).status == Status.FAILED)
        second = make_instance("flow", "second")
        until(lambda: "started" in types_of(second))
        # What came after it has run, so the second would have begun if there were a place.
        after = make_instance("noop")
        until(lambda: row(after).status == Status.COMPLETED)
        assert begun == ["late"]
        release.set()
        until(lambda: row(second).finished_at is not None)
    assert begun == ["late", "second"]
    assert row(second).status == Status.COMPLETED


def test_a_step_finds_a_new_connection_after_one_that_broke(flow, settings):
    settings.WORKFLOWS = settings.WORKFLOWS | {"STEP_THREADS": 1}
    seen = []

    @step(retries=1, backoff_seconds=0.01)
    def ask():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            seen.append(cursor.fetchone()[0])
            if len(seen) == 1:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    @flow
    async def run(ctx, payload):
        await ctx.step(ask)

    instance = make_instance("flow")
    with running():
        until(lambda: row(instance).finished_at is not None)
    assert types_of(instance)[2:] == ["step_retrying", "step_completed", "completed"]
    assert len(set(seen)) == 2


def test_a_connection_that_has_grown_too_old_is_closed_after_a_step(flow, settings):
    settings.WORKFLOWS = settings.WORKFLOWS | {"STEP_THREADS": 1}

    @step
    def ask():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
        connection.close_at = time.monotonic()
        return pid

    @flow
    async def run(ctx, payload):
        return [await ctx.step(ask) for _ in range(3)]

    instance = make_instance("flow")
    run_until_idle()
    assert len(set(output(instance))) == 3


class Halfway(Retryable):
    def __init__(self):
        self.made = "without its parent's"


class Mute(Exception):
    def __str__(self):
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (Mute, "error"),
        (lambda: Retryable("busy", after="30"), "error"),
        (Halfway, "retryable"),
        (lambda: Fatal("no", code="a\ud800\x1fb"), "a?\ufffdb"),
        (asyncio.CancelledError, "error"),
    ],
)
def test_no_error_of_a_step_or_a_workflow_is_one_of_the_pump(flow, raised, code):
    @step
    def stumble():
        raise raised()

    @flow
    async def run(ctx, where):
        if where == "step":
            await ctx.step(stumble)
        raise raised()

    instances = [make_instance("flow", where) for where in ("step", "workflow")]
    run_until_idle()
    assert [row(instance).error_code for instance in instances] == [code, code]
