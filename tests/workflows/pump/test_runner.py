import threading
from datetime import datetime, timedelta

import pytest
from msgspec import Raw

from tests.waiting import until
from tests.workflows.making import dense, log_of, make_instance, make_instances, output, row, types_of
from tests.workflows.pumping import run_until_idle, running
from workflows import eventlog
from workflows.fence import END, Append, Change, NewEvent
from workflows.models import Instance
from workflows.operations import Sleep
from workflows.pump.runner import Runner
from workflows.registry import workflow
from workflows.states import EventType, Status
from workflows.steps import step

pytestmark = pytest.mark.django_db(transaction=True)


@step
def add(first, second):
    return first + second


def test_a_workflow_of_steps_runs_to_its_end(flow):
    @flow
    async def run(ctx, payload):
        total = payload["start"]
        for number in range(3):
            total = await ctx.step(add, total, number)
        return {"total": total}

    instance = make_instance("flow", {"start": 10})

    report = run_until_idle()

    assert log_of(instance) == [
        (1, "created", ""),
        (2, "started", ""),
        (3, "step_completed", "step:add:1"),
        (4, "step_completed", "step:add:2"),
        (5, "step_completed", "step:add:3"),
        (6, "completed", END),
    ]
    assert output(instance) == {"total": 13}
    done = row(instance)
    assert (done.status, done.wake_at, done.last_seq) == (Status.COMPLETED, None, 6)
    assert done.started_at <= done.finished_at
    assert report.counts["completed"] == 1


def test_many_instances_run_at_once_in_a_few_group_appends():
    instances = make_instances("steps", [{"n": 10}] * 100)
    report = run_until_idle()
    assert Instance.objects.filter(id__in=instances, status=Status.COMPLETED, last_seq=13).count() == 100
    assert all(dense(instance) for instance in instances[:10])
    assert report.counts["appended"] == 1100
    assert report.groups < 300


def test_a_gather_runs_its_steps_at_once(flow):
    meet = threading.Barrier(8)

    @step
    def arrive(number):
        meet.wait(20)
        return number

    @flow
    async def run(ctx, payload):
        return await ctx.gather(*(ctx.step(arrive, number) for number in range(8)))

    instance = make_instance("flow")
    run_until_idle()
    assert output(instance) == list(range(8))


def test_a_sleeping_instance_waits_in_the_database_and_wakes_in_time():
    instance = make_instance("nap", {"seconds": 0.3})
    with running():
        until(lambda: row(instance).status == Status.WAITING)
        assert row(instance).wake_at is not None
        until(lambda: row(instance).status == Status.COMPLETED)
    assert types_of(instance) == ["created", "started", "wait_created", "wait_completed", "completed"]
    _, _, created, completed, _ = eventlog.read(instance)
    due = datetime.fromisoformat(created.value()["due_at"])
    assert due <= completed.at < due + timedelta(seconds=0.9)


def test_a_sleep_beside_a_running_step_ends_while_it_runs(flow):
    release = threading.Event()

    @step
    def hold():
        release.wait(20)

    @flow
    async def run(ctx, payload):
        await ctx.gather(ctx.sleep(0.05), ctx.step(hold))

    instance = make_instance("flow")
    with running():
        until(lambda: "wait_completed" in types_of(instance))
        assert row(instance).status == Status.RUNNING
        release.set()
        until(lambda: row(instance).status == Status.COMPLETED)


def test_two_sleeps_due_together_end_in_one_append_in_order(flow):
    @flow
    async def run(ctx, payload):
        await ctx.gather(ctx.sleep(0), ctx.sleep(0))

    instance = make_instance("flow")
    run_until_idle()
    assert [name for _, type_, name in log_of(instance) if type_ == "wait_completed"] == [
        "gather:1.0/wait:sleep:1",
        "gather:1.1/wait:sleep:1",
    ]


def test_an_unknown_version_waits_with_a_notice_until_it_is_known(settings, flow):
    settings.WORKFLOWS = {"UNKNOWN_DEFINITION_RETRY_SECONDS": 0.05}
    instance = make_instance("flow", version=7)
    with running():
        absent = Instance.objects.filter(id=instance, error_code="definition_absent", status=Status.WAITING)
        until(absent.exists)

        @workflow("flow", version=7)
        async def run(ctx, payload):
            return "at last"

        until(lambda: row(instance).status == Status.COMPLETED)
    assert (row(instance).error_code, output(instance)) == (None, "at last")


def test_changed_code_is_a_divergence_and_says_both_sides(flow):
    @flow
    async def run(ctx, payload):
        await ctx.step(add, 1, 2)

    instance = make_instance("flow")
    eventlog.append(Append(instance, (NewEvent(EventType.STEP_COMPLETED, "step:charge:1", '{"result": 1}'),)))
    run_until_idle()
    broken = row(instance)
    assert (broken.status, broken.error_code) == (Status.SYSTEM_FAILURE, "replay_divergence")
    assert "step:charge:1" in broken.error_message
    assert "step:add:1" in broken.error_message


def test_a_log_or_code_that_can_not_be_gone_on_with_ends_its_instance_and_no_other(flow):
    @step
    def measure():
        return Raw(b"1e999")

    @flow
    async def run(ctx, way):
        if way == "asks for what no clock has":
            await Sleep(seconds=1e300)
        await ctx.step(measure)

    broken = make_instances("flow", ["asks for what no clock has", "gives what can't be read", "holds it"])
    beyond = NewEvent(EventType.STEP_COMPLETED, "step:measure:1", '{"result": 1e999}')
    eventlog.append(Append(broken[-1], (beyond,)))
    other = make_instance("steps", {"n": 1})
    run_until_idle()
    ended = [(row(each).status, row(each).error_code) for each in broken]
    assert ended == [(Status.SYSTEM_FAILURE, "replay_failed")] * 3
    assert row(other).status == Status.COMPLETED


def test_a_log_at_its_cap_ends_the_instance(settings, flow):
    settings.WORKFLOWS = {"MAX_EVENTS": 6}
    instance = make_instance("steps", {"n": 10})
    run_until_idle()
    assert (row(instance).status, row(instance).error_code) == (Status.FAILED, "log_full")
    assert dense(instance)


def test_a_coroutine_that_was_evicted_is_rebuilt_from_its_log(settings, flow):
    settings.WORKFLOWS = {"MAX_LIVE": 1}
    ran = []

    @step
    def note(name):
        ran.append(name)

    @flow
    async def run(ctx, name):
        await ctx.step(note, name)
        await ctx.sleep(0.1)
        await ctx.step(note, name)

    instances = make_instances("flow", [str(number) for number in range(6)])
    with running():
        until(lambda: Instance.objects.filter(id__in=instances, status=Status.COMPLETED).count() == 6)
    assert sorted(ran) == sorted([str(number) for number in range(6)] * 2)


def test_an_instance_cancelled_during_a_step_takes_no_later_outcome(flow):
    started, release = threading.Event(), threading.Event()

    @step
    def hold():
        started.set()
        release.wait(20)

    @flow
    async def run(ctx, payload):
        await ctx.step(hold)

    instance = make_instance("flow")
    with running() as pumping:
        assert started.wait(20)
        cancelled = NewEvent(EventType.CANCELLED, END, '{"reason": "enough"}')
        eventlog.append(Append(instance, (cancelled,), change=Change(Status.CANCELLED)))
        release.set()
    assert types_of(instance) == ["created", "started", "cancelled"]
    assert pumping.report.counts.get("finished", 0) + pumping.report.counts.get("late_outcomes", 0) == 1


def test_what_lands_from_outside_first_is_delivered_first_and_nothing_is_lost(flow):
    """An outside event between a decision and its append costs one conflict, not the decision."""
    gate = threading.Event()

    @step
    def hold(number):
        gate.wait(20)
        return number

    @flow
    async def run(ctx, payload):
        return await ctx.gather(ctx.step(hold, 1), ctx.step(hold, 2))

    instance = make_instance("flow")
    with running():
        until(lambda: row(instance).status == Status.RUNNING)
        until(lambda: len(log_of(instance)) == 2)
        for _ in range(3):
            eventlog.append(Append(instance, (NewEvent(EventType.STARTED),)))
        gate.set()
        until(lambda: row(instance).status == Status.COMPLETED)
    assert output(instance) == [1, 2]
    assert dense(instance)


def test_a_claim_that_overtakes_the_answer_of_a_suspension_loses_no_instance(flow, monkeypatch, settings):
    """The row is committed as waiting, due and claimed again before the loop hears of the first of these."""
    settings.WORKFLOWS = {**settings.WORKFLOWS, "POLL_MS": 20}

    @flow
    async def run(ctx, payload):
        await ctx.sleep(seconds=0.02)
        return "woken"

    answer, claimed = Runner.written, Runner.claimed
    held, order = [], []

    def hold_suspensions(runner, writes):
        suspensions = [write for write in writes if write.request.change and write.request.change.wake_at]
        held.extend(suspensions)
        answer(runner, [write for write in writes if write not in suspensions])

    def claim_then_answer(runner, claims, logs):
        claimed(runner, claims, logs)
        order.append("claimed")
        if held:
            order.append("answered")
            answer(runner, [held.pop()])

    monkeypatch.setattr(Runner, "written", hold_suspensions)
    monkeypatch.setattr(Runner, "claimed", claim_then_answer)
    instance = make_instance("flow", {})

    with running():
        until(lambda: row(instance).status == Status.COMPLETED)

    assert "answered" in order
    assert dense(instance)
    assert types_of(instance).count("wait_completed") == 1
