"""Pausing what a pump holds: steps that run end and are recorded, nothing else happens before the resume."""

import threading

import pytest
from django.db import connection

from tests.waiting import until
from tests.workflows.making import dense, make_instance, row, types_of
from tests.workflows.pumping import run_until_idle, running
from workflows import engine, eventlog, steering, turns
from workflows.engine import Cancelled
from workflows.fence import Append, Conflict, Fence
from workflows.models import Instance
from workflows.states import Status
from workflows.steering import Changed
from workflows.steps import step

pytestmark = pytest.mark.django_db(transaction=True)


class Gate:
    """Holds a step where a test can see it."""

    def __init__(self):
        self.reached, self.open = threading.Event(), threading.Event()
        self.ran = 0

    def __call__(self):
        self.ran += 1
        self.reached.set()
        assert self.open.wait(30)


@pytest.fixture
def gate():
    return Gate()


def test_a_running_instance_ends_its_step_and_goes_on_when_it_is_resumed(flow, gate):
    @step
    def first():
        gate()
        return 1

    @step
    def second(value):
        return value + 1

    @flow
    async def two(ctx, _payload):
        return await ctx.step(second, await ctx.step(first))

    instance = make_instance("flow")
    with running():
        assert gate.reached.wait(30)
        assert steering.pause(instance, actor="ada") == Changed(3)
        gate.open.set()
        until(lambda: types_of(instance)[-1] == "step_completed")
        assert (row(instance).status, row(instance).wake_at) == (Status.PAUSED, None)
    assert types_of(instance) == ["created", "started", "paused", "step_completed"]
    assert row(instance).status == Status.PAUSED, "the pump's end releases what runs, not what is paused"
    steering.resume(instance, actor="ada")
    run_until_idle()
    assert (row(instance).status, gate.ran, dense(instance)) == (Status.COMPLETED, 1, True)
    assert types_of(instance)[4:] == ["resumed", "step_completed", "completed"]


def test_one_that_is_resumed_while_its_step_still_runs_runs_it_once(flow, gate):
    @step
    def slow():
        gate()

    @flow
    async def one(ctx, _payload):
        await ctx.step(slow)

    instance = make_instance("flow")
    with running():
        assert gate.reached.wait(30)
        steering.pause(instance, actor="ada")
        steering.resume(instance, actor="ada")
        until(lambda: row(instance).status == Status.RUNNING)
        gate.open.set()
        until(lambda: row(instance).status == Status.COMPLETED)
    assert (gate.ran, dense(instance)) == (1, True)


def test_a_pump_that_dies_beside_a_paused_instance_does_not_wake_it(flow, gate):
    @step
    def slow():
        gate()

    @flow
    async def one(ctx, _payload):
        await ctx.step(slow)

    instance = make_instance("flow")
    with running():
        assert gate.reached.wait(30)
        steering.pause(instance, actor="ada")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE workflows_shard SET epoch = epoch + 1, deadline = now() - interval '1 s'")
        gate.open.set()
    with running():
        run = Instance.objects.get(id=instance)
        assert (run.status, run.wake_at) == (Status.PAUSED, None)
        steering.resume(instance, actor="ada")
        until(lambda: row(instance).status == Status.COMPLETED)
    assert dense(instance)


def test_what_sleeps_does_not_wake_while_it_is_paused(flow):
    @flow
    async def naps(ctx, _payload):
        await ctx.sleep(0.5)
        return "awake"

    instance = make_instance("flow")
    with running():
        until(lambda: row(instance).status in (Status.WAITING, Status.COMPLETED))
        outcome = steering.pause(instance, actor="ada")
        assert isinstance(outcome, Changed)
        other = make_instance("flow")
        until(lambda: row(other).status == Status.COMPLETED)
        assert (row(instance).status, types_of(instance)[-1]) == (Status.PAUSED, "paused")
        steering.resume(instance, actor="ada")
        until(lambda: row(instance).status == Status.COMPLETED)
    assert types_of(instance)[-4:] == ["paused", "resumed", "wait_completed", "completed"]


def test_a_paused_instance_can_be_cancelled(flow):
    instance = make_instance("flow")
    steering.pause(instance, actor="ada")
    assert engine.cancel(instance, "enough", actor="ada") == Cancelled(3)


def test_a_pump_can_neither_put_a_paused_instance_to_sleep_nor_wake_it(flow):
    instance = make_instance("flow", status=Status.RUNNING, epoch=3, wake_at=None)
    steering.pause(instance, actor="ada")
    sleep = turns.suspend(instance, (), Fence(epoch=3), row(instance).last_event_at)
    assert eventlog.append(sleep) == Conflict(2)
    assert eventlog.append_group([sleep]) == [Conflict(2)]
    assert (row(instance).status, row(instance).wake_at) == (Status.PAUSED, None)
    fact = Append(instance, (turns.step_completed("step:a:1", b"1"),), Fence(epoch=3))
    assert eventlog.append(fact).base == 2
