import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.workflows.making import identity_of
from workflows.endings import Completed, Failed
from workflows.fence import Failure
from workflows.operations import ContextMisused, StepFailed
from workflows.replay import Replay, ReplayDivergence
from workflows.steps import Fatal, step


@step
def fetch(number=0):
    return number


@step
def store(number=0):
    return number


MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def deliver(replay, type_, name, data, at=MOMENT):
    replay.deliver(type_, name, data, at)


def begin(function, payload="null"):
    replay = Replay(function, identity_of())
    deliver(replay, "created", "", f'{{"payload": {payload}}}')
    return replay


def complete(replay, name, result="null"):
    deliver(replay, "step_completed", name, f'{{"result": {result}}}')


def fail(replay, name, code="fatal", message="no"):
    deliver(replay, "step_failed", name, f'{{"error": {{"code": "{code}", "message": "{message}", "type": "Fatal"}}}}')


def test_a_workflow_without_operations_ends_at_once_with_its_output():
    async def echo(ctx, payload):
        return payload

    assert begin(echo, '{"a": [1, 2]}').result == Completed('{"a":[1,2]}')


def test_steps_are_asked_for_one_after_another_and_numbered_by_name():
    async def flow(ctx, payload):
        first = await ctx.step(fetch)
        second = await ctx.step(fetch)
        await ctx.step(store)
        return [first, second]

    replay = begin(flow)
    assert list(replay.pending) == ["step:fetch:1"]
    complete(replay, "step:fetch:1", "10")
    assert list(replay.pending) == ["step:fetch:2"]
    complete(replay, "step:fetch:2", "20")
    assert list(replay.pending) == ["step:store:1"]
    complete(replay, "step:store:1")
    assert replay.result == Completed("[10,20]")


def test_fresh_operations_are_given_once_and_only_while_awaited():
    async def flow(ctx, payload):
        await ctx.gather(ctx.step(fetch), ctx.step(store))

    replay = begin(flow)
    complete(replay, "gather:1.0/step:fetch:1")
    assert [each.correlation_id for each in replay.take_fresh()] == ["gather:1.1/step:store:1"]
    assert replay.take_fresh() == []


def test_a_failed_step_raises_where_it_is_awaited_and_may_be_caught():
    async def flow(ctx, payload):
        try:
            await ctx.step(fetch)
        except StepFailed as error:
            return [error.code, str(error), error.kind]

    replay = begin(flow)
    fail(replay, "step:fetch:1", "declined", "card refused")
    assert replay.result == Completed('["declined","card refused","Fatal"]')


def test_what_a_workflow_raises_is_its_failure():
    async def stumble(ctx, payload):
        raise ValueError("two left feet")

    async def give_up(ctx, payload):
        raise Fatal("enough", code="gave_up")

    async def uncaught(ctx, payload):
        await ctx.step(fetch)

    assert begin(stumble).result == Failed(Failure("error", "ValueError: two left feet"))
    assert begin(give_up).result == Failed(Failure("gave_up", "enough"))
    replay = begin(uncaught)
    fail(replay, "step:fetch:1", "declined")
    assert replay.result == Failed(Failure("declined", "no"))


def test_sys_exit_in_a_workflow_ends_the_instance_and_not_the_pump():
    async def leave(ctx, payload):
        raise SystemExit(1)

    assert isinstance(begin(leave).result, Failed)


def test_an_output_that_is_not_json_is_a_failure():
    async def flow(ctx, payload):
        return object()

    assert begin(flow).result.failure.code == "output_invalid"


def test_gather_answers_in_the_order_given_whatever_ends_first():
    async def branch(ctx, number):
        return await ctx.step(fetch) + number

    async def flow(ctx, payload):
        return await ctx.gather(branch(ctx, 100), ctx.step(fetch), ctx.sleep(5), ctx.gather(ctx.step(store)))

    replay = begin(flow)
    names = [
        "gather:1.0/step:fetch:1",
        "gather:1.1/step:fetch:1",
        "gather:1.2/wait:sleep:1",
        "gather:1.3/gather:1.0/step:store:1",
    ]
    assert list(replay.pending) == names
    complete(replay, names[3], "4")
    complete(replay, names[1], "2")
    deliver(replay, "wait_completed", names[2], "{}")
    assert replay.result is None
    complete(replay, names[0], "1")
    assert replay.result == Completed("[101,2,null,[4]]")


def test_one_more_step_in_one_branch_renames_nothing_in_another():
    def flow(extra):
        async def branch(ctx):
            if extra:
                await ctx.step(fetch)
            await ctx.step(store)

        async def run(ctx, payload):
            await ctx.gather(branch(ctx), ctx.step(store))
            await ctx.step(store)

        return run

    short, long = begin(flow(False)), begin(flow(True))
    assert "gather:1.1/step:store:1" in short.pending
    assert "gather:1.1/step:store:1" in long.pending
    complete(long, "gather:1.0/step:fetch:1")
    for replay in (short, long):
        complete(replay, "gather:1.0/step:store:1")
        complete(replay, "gather:1.1/step:store:1")
        assert list(replay.pending) == ["step:store:1"]


def test_gather_lets_every_branch_end_and_raises_the_first_failure_of_the_log():
    ended = []

    async def branch(ctx):
        await ctx.step(fetch)
        await ctx.step(store)
        ended.append("branch")

    async def flow(ctx, payload):
        await ctx.gather(branch(ctx), ctx.step(store), ctx.step(fetch))

    replay = begin(flow)
    fail(replay, "gather:1.2/step:fetch:1", "second_of_the_list")
    fail(replay, "gather:1.1/step:store:1", "first_of_the_list")
    assert replay.result is None
    complete(replay, "gather:1.0/step:fetch:1")
    complete(replay, "gather:1.0/step:store:1")
    assert ended == ["branch"]
    assert replay.result.failure.code == "second_of_the_list"


def test_gather_of_nothing_and_of_branches_that_need_nothing_goes_on_at_once():
    async def ready(value):
        return value

    async def flow(ctx, payload):
        return [await ctx.gather(), await ctx.gather(ready(1), ready(2)), await ctx.gather(ctx.gather())]

    assert begin(flow).result == Completed("[[],[1,2],[[]]]")


def test_waits_and_retries_know_when_they_are_due():
    async def flow(ctx, payload):
        await ctx.gather(ctx.sleep(timedelta(seconds=5)), ctx.step(fetch))

    replay = begin(flow)
    wait, call = replay.pending.values()
    assert wait.call.seconds == 5
    deliver(replay, "wait_created", wait.correlation_id, '{"due_at": "2026-01-01T00:00:05+00:00"}')
    deliver(
        replay,
        "step_retrying",
        call.correlation_id,
        '{"attempt": 2, "retry_at": "2026-01-01T00:00:09+00:00", "error": {}}',
    )
    assert wait.due_at.second == 5
    assert (call.attempt, call.due_at.second) == (2, 9)


def test_a_repeated_outcome_and_events_that_move_nothing_are_ignored():
    async def flow(ctx, payload):
        await ctx.step(fetch)
        await ctx.step(store)

    replay = begin(flow)
    deliver(replay, "started", "", "{}")
    complete(replay, "step:fetch:1")
    complete(replay, "step:fetch:1")
    assert list(replay.pending) == ["step:store:1"]


def test_a_log_that_the_code_can_not_have_written_is_a_divergence():
    async def flow(ctx, payload):
        await ctx.step(fetch)

    with pytest.raises(ReplayDivergence, match=r"step_completed of step:store:1, the code awaits step:fetch:1"):
        complete(begin(flow), "step:store:1")


def test_a_workflow_may_await_only_what_its_context_gives():
    async def flow(ctx, payload):
        try:
            await asyncio.sleep(0)
        except ContextMisused as error:
            return str(error)

    assert "only what ctx gives" in begin(flow).result.output

    async def gathers(ctx, payload):
        await ctx.gather(5)

    assert begin(gathers).result.failure.code == "context_misused"


def test_misuse_of_the_context_is_told_where_it_happens():
    async def not_a_step(ctx, payload):
        ctx.step(len, [])

    async def not_json(ctx, payload):
        ctx.step(fetch, object())

    async def backwards(ctx, payload):
        ctx.sleep(-1)

    for flow in (not_a_step, not_json, backwards):
        assert begin(flow).result.failure.code == "context_misused"


def test_closing_ends_the_code_where_it_stands_even_if_it_resists():
    ended = []

    async def flow(ctx, payload):
        try:
            await ctx.step(fetch)
        finally:
            ended.append("finally")
            await ctx.step(store)

    replay = begin(flow)
    replay.close()
    assert ended == ["finally"]
    assert replay.pending == {}
