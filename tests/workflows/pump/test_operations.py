"""Hooks, races, children and emitted events, run by a real pump over a real database."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from tests.tenants import make_env
from tests.waiting import until
from tests.workflows.making import data_of, dense, identity_of, make_instance, output, row, types_of
from tests.workflows.pumping import run_until_idle, running
from workflows import agreement, engine, eventlog, hooks
from workflows.agreement import Agrees
from workflows.hooks import Resumed
from workflows.models import Event, Hook, Instance, Outbox, Shard
from workflows.operations import ChildFailed, ChildRefused, Disposed, HookConflict, HookTimedOut
from workflows.registry import workflow
from workflows.states import EventType, Status
from workflows.steps import step

pytestmark = pytest.mark.django_db(transaction=True)


@step
def echo(value=None):
    return value


def ended(instance):
    return row(instance).finished_at is not None


def finish(instance):
    until(lambda: ended(instance))
    assert dense(instance)
    return row(instance)


def token_of(instance, name="approval"):
    until(lambda: Hook.objects.filter(instance_id=instance, name=name, disposed_at=None).exists())
    return Hook.objects.get(instance_id=instance, name=name, disposed_at=None).token


def resume(token, payload=b"null", resume_id=None):
    answer = hooks.resume(token, payload, resume_id)
    assert isinstance(answer, Resumed), answer
    return answer


def test_a_waiting_instance_holds_nothing_until_its_hook_is_resumed(flow):
    @flow
    async def run(ctx, payload):
        return await ctx.hook("approval")

    instance = make_instance("flow")
    with running():
        token = token_of(instance)
        until(lambda: row(instance).status == Status.WAITING)
        assert row(instance).wake_at is None
        assert len(token) >= 22
        resume(token, b'{"ok": true}')
        finish(instance)
    assert output(instance) == {"ok": True}
    assert types_of(instance) == ["created", "started", "hook_created", "hook_received", "completed"]
    assert not Hook.objects.filter(disposed_at=None).exists()


def test_a_hook_is_resumed_while_a_step_runs(flow):
    release = threading.Event()

    @step
    def hold():
        release.wait(30)
        return "step"

    @flow
    async def run(ctx, payload):
        return await ctx.gather(ctx.step(hold), ctx.hook("approval"))

    instance = make_instance("flow")
    with running():
        resume(token_of(instance), b"1")
        until(lambda: "hook_received" in types_of(instance))
        release.set()
        finish(instance)
    assert output(instance) == ["step", 1]


def test_a_hook_that_nobody_resumes_times_out_and_frees_its_token(flow):
    @flow
    async def run(ctx, payload):
        try:
            await ctx.hook("approval", "order-1", timeout_seconds=0.05)
        except HookTimedOut:
            return await ctx.hook("approval", "order-1", timeout_seconds=60)

    instance = make_instance("flow")
    with running():
        until(lambda: types_of(instance).count("hook_created") == 2)
        resume("order-1", b'"second"')
        finish(instance)
    assert output(instance) == "second"
    assert data_of(instance, EventType.HOOK_DISPOSED) == [{"reason": "timed_out"}]


def test_a_token_that_an_active_hook_has_is_refused_and_the_refusal_is_recorded(flow):
    @flow
    async def run(ctx, payload):
        try:
            return await ctx.hook("approval", "shared")
        except HookConflict as error:
            return error.code

    first = make_instance("flow")
    with running():
        until(lambda: "hook_created" in types_of(first))
        second = make_instance("flow")
        finish(second)
        resume("shared", b'"first"')
        finish(first)
        third = make_instance("flow")
        until(lambda: "hook_created" in types_of(third))
    assert (output(first), output(second)) == ("first", "hook_conflict")
    assert types_of(second) == ["created", "started", "hook_conflict", "completed"]


def test_an_open_hook_receives_again_and_again(flow):
    @flow
    async def run(ctx, payload):
        async with ctx.hook("inbox") as inbox:
            await ctx.step(echo, inbox.token)
            return [await inbox for _ in range(5)]

    instance = make_instance("flow")
    with running():
        token = token_of(instance, "inbox")
        for number in range(5):
            resume(token, str(number).encode())
        finish(instance)
    assert output(instance) == [0, 1, 2, 3, 4]
    assert data_of(instance, EventType.STEP_COMPLETED) == [{"result": token}]
    assert row(instance).unread == 0


@pytest.mark.parametrize(
    ("token", "ends"),
    [("other", ["hook_created"]), ("mine", ["hook_conflict", "hook_disposed", "step_completed", "completed"])],
)
def test_the_block_of_an_open_hook_is_entered_before_anybody_resumes_it(flow, token, ends):
    @flow
    async def run(ctx, payload):
        try:
            async with ctx.hook("inbox", token="mine") as inbox:
                await ctx.step(echo, inbox.token)
                async with ctx.hook("more", token=token, timeout_seconds=60):
                    return await inbox
        except HookConflict as error:
            return await ctx.step(echo, error.code)

    instance = make_instance("flow")
    run_until_idle()
    assert types_of(instance) == ["created", "started", "hook_created", "step_completed", *ends]
    assert dense(instance)


def test_a_race_of_hook_and_sleep_lets_the_loser_go(flow):
    @flow
    async def run(ctx, payload):
        first = await ctx.race(answer=ctx.hook("approval"), late=ctx.sleep(0.05))
        second = await ctx.race(answer=ctx.hook("approval"), late=ctx.sleep(60))
        return [first, second]

    instance = make_instance("flow")
    with running():
        until(lambda: types_of(instance).count("hook_created") == 2)
        resume(token_of(instance), b"7")
        finish(instance)
    assert output(instance) == [["late", None], ["answer", 7]]
    assert row(instance).wake_at is None
    assert Hook.objects.filter(disposed_at=None).count() == 0


def test_a_losing_branch_cleans_up_with_a_step_before_the_race_is_over(flow):
    async def reserve(ctx):
        try:
            await ctx.sleep(60)
        except Disposed:
            await ctx.step(echo, "given back")
            raise

    @flow
    async def run(ctx, payload):
        return await ctx.race(reserve=reserve(ctx), stop=ctx.sleep(0.02))

    instance = make_instance("flow")
    with running():
        finish(instance)
    assert output(instance) == ["stop", None]
    assert types_of(instance)[-2:] == ["step_completed", "completed"]


def test_a_running_step_that_loses_ends_and_is_recorded_unread(flow):
    release = threading.Event()

    @step(retries=5)
    def hold():
        release.wait(30)
        raise ValueError("late")

    @flow
    async def run(ctx, payload):
        winner = await ctx.race(step=ctx.step(hold), stop=ctx.sleep(0.02))
        await ctx.hook("approval")
        return winner

    instance = make_instance("flow")
    with running():
        token_of(instance)
        release.set()
        until(lambda: "step_failed" in types_of(instance))
        resume(token_of(instance))
        finish(instance)
    assert output(instance) == ["stop", None]
    assert "step_retrying" not in types_of(instance)


def test_a_step_that_lost_before_its_turn_is_not_begun(flow):
    begun, release = [], threading.Event()

    @step
    def hold(number):
        begun.append(number)
        release.wait(30)

    @flow
    async def run(ctx, payload):
        winner = await ctx.race(first=ctx.step(hold, 1), second=ctx.step(hold, 2), stop=ctx.hook("approval"))
        await ctx.sleep(0.02)
        return winner

    instance = make_instance("flow")
    Shard.objects.create(index=0, max_parallelism=1)
    with running():
        until(lambda: begun)
        resume(token_of(instance), b"0")
        until(lambda: "hook_disposed" in types_of(instance))
        release.set()
        finish(instance)
    assert begun == [1]
    assert output(instance) == ["stop", 0]


def test_what_sleeps_until_a_moment_wakes_then(flow):
    at = datetime.now(UTC) + timedelta(seconds=0.3)

    @flow
    async def run(ctx, payload):
        await ctx.sleep_until(at)
        await ctx.sleep_until(at - timedelta(days=1))
        return ctx.now().isoformat()

    instance = make_instance("flow")
    with running():
        finish(instance)
    assert datetime.fromisoformat(output(instance)) >= at
    assert data_of(instance, EventType.WAIT_CREATED)[0] == {"due_at": at.isoformat()}


@pytest.fixture
def env():
    return make_env()


def owned(env, definition, payload=None, **columns):
    instance = make_instance(definition, payload, **columns)
    Instance.objects.filter(id=instance).update(org_id=env.org_id, env_id=env.id)
    return instance


def test_a_child_runs_beside_its_parent_and_its_output_comes_back(flow, env):
    @flow
    async def run(ctx, payload):
        return await ctx.gather(ctx.child("noop", {"n": 1}), ctx.child("noop", {"n": 2}))

    instance = owned(env, "flow")
    with running(0), running(1), running(2), running(3):
        parent = finish(instance)
    assert output(instance) == [{"n": 1}, {"n": 2}]
    children = Instance.objects.filter(parent_id=instance)
    assert {(child.root_id, child.depth, child.source, child.status) for child in children} == {
        (instance, 1, "child", "completed")
    }
    assert types_of(instance).count("child_started") == types_of(instance).count("child_finished") == 2
    assert parent.status == Status.COMPLETED
    assert not Outbox.objects.exists()


def test_a_child_that_fails_raises_in_its_parent(flow, env):
    @workflow("broken")
    async def broken(ctx, payload):
        raise ValueError("no luck")

    @flow
    async def run(ctx, payload):
        try:
            await ctx.child("broken")
        except ChildFailed as error:
            return [error.status, error.code, str(error)]

    instance = owned(env, "flow")
    with running(0), running(1), running(2), running(3):
        finish(instance)
    assert output(instance) == ["failed", "error", "ValueError: no luck"]


def test_a_child_that_can_not_run_is_refused_and_nothing_is_written(flow, env):
    @flow
    async def run(ctx, payload):
        try:
            await ctx.child("unheard-of")
        except ChildRefused as error:
            return error.code

    instance = owned(env, "flow")
    with running():
        finish(instance)
    assert output(instance) == "definition_not_found"
    assert not Instance.objects.filter(parent_id=instance).exists()


def test_a_child_whose_payload_is_too_large_is_refused(flow, env, settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "MAX_PAYLOAD_BYTES": 20}

    @flow
    async def run(ctx, payload):
        try:
            await ctx.child("flow", "x" * 19)
        except ChildRefused as error:
            return [error.code, str(error)]

    instance = owned(env, "flow")
    with running():
        finish(instance)
    code, message = output(instance)
    assert code == "payload_too_large"
    assert "20 bytes (WORKFLOWS_MAX_PAYLOAD_BYTES); this one has 21" in message


def test_an_event_whose_payload_is_too_large_ends_its_instance_and_code_agrees_with_that_for_ever(flow, env, settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "MAX_PAYLOAD_BYTES": 20}

    @flow
    async def run(ctx, payload):
        await ctx.emit("order.created", "x" * 18)
        await ctx.gather(ctx.emit("order.paid", "small"), ctx.emit("order.sent", "ä" * 10))

    instance = owned(env, "flow")
    with running():
        ended_row = finish(instance)
    assert (ended_row.status, ended_row.error_code) == (Status.FAILED, "context_misused")
    assert "order.sent may have 20 bytes (WORKFLOWS_MAX_PAYLOAD_BYTES); this one has 22" in ended_row.error_message
    assert types_of(instance) == ["created", "started", "emitted", "emitted", "failed"]
    settings.WORKFLOWS = {**settings.WORKFLOWS, "MAX_PAYLOAD_BYTES": 1_000}
    assert isinstance(agreement.of(run, identity_of(instance), eventlog.read(instance)), Agrees)


def test_no_more_children_live_at_once_than_allowed(flow, env, settings):
    settings.WORKFLOWS = {"MAX_CHILDREN": 3}

    @flow
    async def run(ctx, payload):
        return await ctx.gather(*(ctx.child("noop", number) for number in range(10)))

    instance = owned(env, "flow")
    with running(0), running(1), running(2), running(3):
        finish(instance)
    assert output(instance) == list(range(10))
    live = most = 0
    for type_ in types_of(instance):
        live += (type_ == "child_started") - (type_ == "child_finished")
        most = max(most, live)
    assert most == 3


def test_cancelling_a_parent_cancels_its_children_and_theirs(flow, env):
    @flow
    async def run(ctx, payload):
        if payload:
            return await ctx.child("flow", payload - 1)
        return await ctx.hook("approval")

    instance = owned(env, "flow", 2)
    with running(0), running(1), running(2), running(3):
        until(lambda: Hook.objects.filter(disposed_at=None).exists())
        engine.cancel(instance, "no more", actor="ann")
        until(lambda: Instance.objects.filter(status=Status.CANCELLED).count() == 3)
    youngest = Instance.objects.get(depth=2)
    assert youngest.error_message == f"its parent {youngest.parent_id} was cancelled"
    assert not Hook.objects.filter(disposed_at=None).exists()


def test_an_event_is_emitted_once_with_its_log_and_the_outbox_is_emptied(flow, env):
    @flow
    async def run(ctx, payload):
        await ctx.emit("order.created", {"id": 7}, key="order-7")
        await ctx.emit("order.created", {"id": 8})
        return "told"

    instance = owned(env, "flow")
    with running():
        finish(instance)
        until(lambda: not Outbox.objects.exists())
    assert data_of(instance, EventType.EMITTED) == [
        {"type": "order.created", "payload": {"id": 7}, "key": "order-7"},
        {"type": "order.created", "payload": {"id": 8}},
    ]


def test_a_coroutine_that_was_let_go_is_rebuilt_with_everything_it_awaits(flow, settings):
    settings.WORKFLOWS = {"MAX_LIVE": 0}

    @flow
    async def run(ctx, payload):
        async with ctx.hook("inbox") as inbox:
            seen = [await ctx.race(got=inbox, late=ctx.sleep(60)) for _ in range(3)]
        winner = await ctx.race(a=ctx.hook("other"), b=ctx.sleep(0.05))
        return [seen, winner]

    instance = make_instance("flow")
    with running():
        token = token_of(instance, "inbox")
        for number in range(3):
            resume(token, str(number).encode())
            until(lambda: row(instance).status == Status.WAITING)
        finish(instance)
    assert output(instance) == [[["got", 0], ["got", 1], ["got", 2]], ["b", None]]


def test_resumes_from_many_threads_are_all_recorded_in_one_dense_log(flow):
    count = 40

    @flow
    async def run(ctx, payload):
        async with ctx.hook("inbox") as inbox:
            return sorted([await inbox for _ in range(count)])

    instance = make_instance("flow")

    def send(numbers):
        for number in numbers:
            resume(token, str(number).encode())
        connection.close()

    with running():
        token = token_of(instance, "inbox")
        threads = [threading.Thread(target=send, args=(range(start, count, 4),)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        finish(instance)
    assert output(instance) == list(range(count))
    assert Event.objects.filter(instance_id=instance, type="hook_received").count() == count
