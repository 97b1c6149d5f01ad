"""A decision that finds the log further on than its cursor: it stands, and what landed between comes first."""

import threading
from collections import Counter
from datetime import datetime

import pytest
from django.db import OperationalError
from django.utils import timezone

from tests.waiting import until
from tests.workflows.making import data_of, dense, identity_of, log_of, make_instance, row, types_of
from tests.workflows.pumping import running
from workflows import eventlog
from workflows.endings import Completed
from workflows.fence import Append, Appended, NewEvent
from workflows.replay import Replay
from workflows.states import EventType, Status
from workflows.steps import step

pytestmark = pytest.mark.django_db(transaction=True)
# Of no operation, so it moves nothing but the tail.
OUTSIDE = NewEvent(EventType.STARTED)


class Meanwhile:
    """Stops a workflow's code between what it has seen and what it decides, while something lands from outside."""

    def __init__(self):
        self._reached, self._landed = threading.Event(), threading.Event()

    def __call__(self):
        self._reached.set()
        assert self._landed.wait(30)

    def reached(self):
        assert self._reached.wait(30)

    def append(self, instance, event, ready=lambda: True):
        self.reached()
        assert isinstance(eventlog.append(Append(instance, (event,))), Appended)
        until(ready)
        self._landed.set()


@step
def pause():
    return None


def replayed(function, instance):
    """Return what a coroutine built anew from the log comes to."""
    replay = Replay(function, identity_of(instance))
    for event in eventlog.read(instance):
        replay.deliver(event.type, event.correlation_id, event.data, event.at)
    return replay.result


@pytest.mark.parametrize(("decision", "seconds"), [("wait_created", 0.05), ("wait_completed", 1.0)])
def test_a_conflicting_decision_stands_and_what_landed_between_is_delivered_first(flow, decision, seconds):
    """The outside event settles a step that still runs, so the workflow can tell the order it saw."""
    meanwhile, release = Meanwhile(), threading.Event()

    @step
    def hold():
        release.wait(30)
        return "its own"

    async def stop_at(ctx, point):
        if point == decision:
            await ctx.step(pause)
            meanwhile()

    @flow
    async def run(ctx, payload):
        seen = []

        async def sleep():
            await stop_at(ctx, "wait_created")
            await ctx.sleep(payload)
            seen.append("slept")

        async def listen():
            seen.append(await ctx.step(hold))

        await ctx.gather(sleep(), listen(), stop_at(ctx, "wait_completed"))
        await ctx.step(pause)
        return seen

    def due():
        return all(
            datetime.fromisoformat(wait["due_at"]) < timezone.now() for wait in data_of(instance, "wait_created")
        )

    outside = NewEvent(EventType.STEP_COMPLETED, "gather:1.1/step:hold:1", '{"result": "from outside"}')
    instance = make_instance("flow", seconds)
    with running() as pumping:
        meanwhile.append(instance, outside, due)
        until(lambda: row(instance).status == Status.COMPLETED)
        release.set()

    (landed,) = [seq for seq, _, name in log_of(instance) if name == outside.correlation_id]
    assert types_of(instance)[landed] == decision
    assert dense(instance)
    operations = Counter((type_, name) for _, type_, name in log_of(instance))
    assert set(operations.values()) == {1}
    assert data_of(instance, EventType.COMPLETED) == [{"output": ["from outside", "slept"]}]
    assert pumping.report.counts["conflict"] == 1
    assert replayed(run, instance) == Completed('["from outside","slept"]')


def test_a_suspension_and_an_end_that_conflict_are_written_once_more(flow):
    before_sleep, before_end = Meanwhile(), Meanwhile()

    @flow
    async def run(ctx, payload):
        await ctx.step(pause)
        before_sleep()
        await ctx.sleep(0.2)
        before_end()
        return "done"

    instance = make_instance("flow")
    with running() as pumping:
        before_sleep.append(instance, OUTSIDE)
        until(lambda: row(instance).status == Status.WAITING)
        (wait,) = data_of(instance, EventType.WAIT_CREATED)
        assert row(instance).wake_at == datetime.fromisoformat(wait["due_at"])
        before_end.append(instance, OUTSIDE)
        until(lambda: row(instance).status == Status.COMPLETED)
    assert types_of(instance) == [
        *("created", "started", "step_completed"),
        *("started", "wait_created", "wait_completed"),
        *("started", "completed"),
    ]
    assert dense(instance)
    assert pumping.report.counts["conflict"] == 2
    assert data_of(instance, EventType.COMPLETED) == [{"output": "done"}]


def test_an_instance_that_can_not_run_here_is_set_aside_whatever_lands_between(flow, settings):
    settings.WORKFLOWS = {"POLL_MS": 50}
    meanwhile = Meanwhile()

    @flow
    async def run(ctx, payload):
        meanwhile()

    make_instance("flow")
    with running():
        meanwhile.reached()
        absent = make_instance("flow", version=7)
        until(lambda: row(absent).status == Status.RUNNING)
        meanwhile.append(absent, OUTSIDE)
        until(lambda: row(absent).status != Status.RUNNING)
    assert (row(absent).status, row(absent).error_code) == (Status.WAITING, "definition_absent")
    assert row(absent).wake_at > timezone.now()
    assert types_of(absent) == ["created", "started", "started"]


def test_a_retry_whose_append_lost_its_answer_is_recorded_and_run_once(flow, monkeypatch):
    append, lost, attempts = eventlog.append_group, [], []

    def lose_the_answer_of_a_retry(requests):
        outcomes = append(requests)
        if not lost and any(event.type == EventType.STEP_RETRYING for each in requests for event in each.events):
            lost.append(outcomes)
            raise OperationalError("the connection is lost")
        return outcomes

    monkeypatch.setattr(eventlog, "append_group", lose_the_answer_of_a_retry)

    @step(retries=1, backoff_seconds=0.2)
    def shaky():
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError
        return len(attempts)

    @flow
    async def run(ctx, payload):
        return await ctx.step(shaky)

    instance = make_instance("flow")
    with running() as pumping:
        until(lambda: row(instance).status == Status.COMPLETED or pumping.error)
    assert pumping.error is None
    assert types_of(instance) == ["created", "started", "step_retrying", "step_completed", "completed"]
    assert len(attempts) == 2
