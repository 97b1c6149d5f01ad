"""Hooks, races, children and emitted events over a log that the test delivers."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.workflows.making import identity_of
from workflows.endings import Completed, Failed
from workflows.fence import Failure
from workflows.operations import ChildFailed, ChildRefused, Disposed, HookConflict, HookTimedOut
from workflows.replay import Replay
from workflows.steps import step

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
CHILD = "0192d9f0-0000-7000-8000-000000000001"


@step
def work():
    return None


class Told:
    """A replay and the log it is told, one event a second."""

    def __init__(self, function, log=()):
        self.log = []
        self.identity = identity_of()
        self.replay = Replay(function, self.identity)
        self.tell("created", "", {"payload": None})
        for event in log:
            self.tell(*event)

    def tell(self, type_, name="", data=None):
        self.log.append((type_, name, data or {}))
        at = MOMENT + timedelta(seconds=len(self.log))
        self.replay.deliver(type_, name, json.dumps(data or {}), at)

    @property
    def pending(self):
        return list(self.replay.pending)

    @property
    def result(self):
        return self.replay.result


def hook_made(told, name, token="t"):
    told.tell("hook_created", name, {"token": token, "name": "h"})


def test_a_hook_gives_its_first_payload_and_is_let_go():
    async def flow(ctx, _payload):
        return await ctx.hook("approval")

    told = Told(flow)
    assert told.pending == ["hook:approval:1"]
    hook_made(told, "hook:approval:1")
    assert told.replay.waits_outside()
    told.tell("hook_received", "hook:approval:1", {"payload": {"ok": True}})
    assert told.result == Completed('{"ok":true}')
    assert list(told.replay.disposals) == ["hook:approval:1"]
    told.tell("hook_received", "hook:approval:1", {"payload": "again"})
    told.tell("hook_disposed", "hook:approval:1", {"reason": "closed"})
    assert list(told.replay.disposals) == []


def test_an_open_hook_tells_its_token_and_gives_payload_after_payload():
    async def flow(ctx, _payload):
        async with ctx.hook("inbox", "mine") as inbox:
            first = await inbox
            await ctx.step(work)
            return [inbox.token, first, await inbox, await inbox]

    told = Told(flow)
    hook_made(told, "hook:inbox:1", "mine")
    told.tell("hook_received", "hook:inbox:1", {"payload": 1})
    told.tell("hook_received", "hook:inbox:1", {"payload": 2})
    told.tell("hook_received", "hook:inbox:1", {"payload": 3})
    assert told.result is None
    told.tell("step_completed", "step:work:1", {"result": None})
    assert told.result == Completed('["mine",1,2,3]')
    assert list(told.replay.disposals) == ["hook:inbox:1"]


def test_a_token_that_is_taken_raises_where_the_hook_is_awaited():
    async def flow(ctx, _payload):
        try:
            await ctx.hook("approval", "taken")
        except HookConflict as error:
            return str(error)

    told = Told(flow)
    told.tell("hook_conflict", "hook:approval:1", {"token": "taken"})
    assert told.result == Completed('"another active hook has the token taken"')
    assert not told.replay.disposals


def test_a_hook_that_was_let_go_in_time_raises_that_it_timed_out():
    async def flow(ctx, _payload):
        async with ctx.hook("approval", timeout_seconds=5) as hook:
            await ctx.step(work)
            try:
                await hook
            except HookTimedOut as error:
                return error.code

    told = Told(flow)
    told.tell("hook_created", "hook:approval:1", {"token": "t", "due_at": "2026-01-01T00:00:05+00:00"})
    assert told.replay.pending["hook:approval:1"].due_at == MOMENT + timedelta(seconds=5)
    told.tell("hook_disposed", "hook:approval:1", {"reason": "timed_out"})
    told.tell("step_completed", "step:work:1", {"result": None})
    assert told.result == Completed('"hook_timeout"')
    assert not told.replay.disposals


def test_two_branches_can_not_await_one_hook_at_once():
    async def flow(ctx, _payload):
        async with ctx.hook("inbox") as inbox:
            await ctx.gather(inbox, inbox)

    told = Told(flow)
    hook_made(told, "hook:inbox:1")
    told.tell("hook_received", "hook:inbox:1", {"payload": 1})
    assert told.result == Failed(Failure("context_misused", "the hook inbox is awaited already"))


def test_a_hook_that_lost_is_let_go_and_what_it_receives_later_is_ignored():
    async def flow(ctx, _payload):
        return await ctx.race(answer=ctx.hook("approval"), late=ctx.sleep(5))

    told = Told(flow)
    hook_made(told, "race:1.answer/hook:approval:1")
    told.tell("wait_completed", "race:1.late/wait:sleep:1")
    assert told.result == Completed('["late",null]')
    assert list(told.replay.disposals) == ["race:1.answer/hook:approval:1"]
    told.tell("hook_received", "race:1.answer/hook:approval:1", {"payload": 1})
    assert told.result == Completed('["late",null]')


def test_a_hook_that_lost_before_it_was_recorded_is_let_go_once_the_log_has_it():
    async def flow(ctx, _payload):
        await ctx.race(answer=ctx.hook("approval"), late=ctx.sleep(5))
        return await ctx.step(work)

    told = Told(flow)
    told.tell("wait_completed", "race:1.late/wait:sleep:1")
    assert [each.correlation_id for each in told.replay.take_fresh()] == ["step:work:1"]
    assert not told.replay.disposals
    hook_made(told, "race:1.answer/hook:approval:1")
    assert list(told.replay.disposals) == ["race:1.answer/hook:approval:1"]


def test_an_open_hook_is_let_go_when_its_block_loses():
    async def answer(ctx):
        async with ctx.hook("inbox") as inbox:
            while True:
                await inbox

    async def flow(ctx, _payload):
        return await ctx.race(answer=answer(ctx), late=ctx.sleep(5))

    told = Told(flow)
    hook_made(told, "race:1.answer/hook:inbox:1")
    told.tell("hook_received", "race:1.answer/hook:inbox:1", {"payload": 1})
    told.tell("wait_completed", "race:1.late/wait:sleep:1")
    assert told.result == Completed('["late",null]')
    assert list(told.replay.disposals) == ["race:1.answer/hook:inbox:1"]


def test_a_hook_whose_opening_lost_is_let_go_too():
    async def answer(ctx):
        async with ctx.hook("inbox") as inbox:
            await inbox

    async def flow(ctx, _payload):
        await ctx.race(answer=answer(ctx), late=ctx.sleep(5))
        await ctx.step(work)

    told = Told(flow)
    told.tell("wait_completed", "race:1.late/wait:sleep:1")
    hook_made(told, "race:1.answer/hook:inbox:1")
    assert list(told.replay.disposals) == ["race:1.answer/hook:inbox:1"]


def test_the_step_that_lost_is_recorded_unread():
    async def flow(ctx, _payload):
        winner = await ctx.race(step=ctx.step(work), late=ctx.sleep(1))
        await ctx.sleep(9)
        return winner

    told = Told(flow)
    told.tell("wait_completed", "race:1.late/wait:sleep:1")
    assert told.replay.unread == {"race:1.step/step:work:1"}
    told.tell("step_completed", "race:1.step/step:work:1", {"result": "late"})
    assert told.replay.unread == set()
    told.tell("wait_completed", "wait:sleep:1")
    assert told.result == Completed('["late",null]')


def test_a_loser_may_run_a_step_before_it_goes():
    async def booking(ctx):
        try:
            await ctx.sleep(60)
        except Disposed:
            await ctx.step(work)
            raise

    async def flow(ctx, _payload):
        return await ctx.race(booking=booking(ctx), cancel=ctx.hook("cancel"))

    told = Told(flow)
    hook_made(told, "race:1.cancel/hook:cancel:1")
    told.tell("hook_received", "race:1.cancel/hook:cancel:1", {"payload": "stop"})
    assert told.pending == ["race:1.booking/step:work:1"]
    told.tell("step_completed", "race:1.booking/step:work:1", {"result": None})
    assert told.result == Completed('["cancel","stop"]')


def test_a_child_gives_its_output_or_raises_how_it_ended():
    async def flow(ctx, _payload):
        good = await ctx.child("noop", 1)
        try:
            await ctx.child("noop", 2)
        except ChildFailed as error:
            return [good, error.code, error.status, str(error.child_id), str(error)]

    told = Told(flow)
    told.tell("child_started", "child:noop:1", {"instance_id": CHILD})
    assert told.replay.children == {"child:noop:1"}
    told.tell("child_finished", "child:noop:1", {"instance_id": CHILD, "status": "completed", "output": [1]})
    assert told.replay.children == set()
    error = {"code": "declined", "message": "no money"}
    told.tell("child_started", "child:noop:2", {"instance_id": CHILD})
    told.tell("child_finished", "child:noop:2", {"instance_id": CHILD, "status": "failed", "error": error})
    assert told.result == Completed(f'[[1],"declined","failed","{CHILD}","no money"]')


def test_a_child_that_is_not_waited_for_gives_its_id_and_still_counts_until_it_ends():
    async def flow(ctx, _payload):
        started = await ctx.child("noop", wait=False)
        await ctx.sleep(1)
        return started

    told = Told(flow)
    told.tell("child_started", "child:noop:1", {"instance_id": CHILD})
    assert told.pending == ["wait:sleep:1"]
    assert told.replay.children == {"child:noop:1"}
    told.tell("child_finished", "child:noop:1", {"instance_id": CHILD, "status": "completed", "output": 1})
    assert told.replay.children == set()
    told.tell("wait_completed", "wait:sleep:1")
    assert told.result == Completed(f'"{CHILD}"')


def test_a_refused_child_raises_why():
    async def flow(ctx, _payload):
        with pytest.raises(ChildRefused, match="no definition"):
            await ctx.child("nothing")
        return "went on"

    told = Told(flow)
    error = {"code": "definition_not_found", "message": "There is no definition 'nothing'."}
    told.tell("child_finished", "child:nothing:1", {"status": "refused", "error": error})
    assert told.result == Completed('"went on"')


def test_an_emitted_event_is_over_when_the_log_has_it():
    async def flow(ctx, _payload):
        await ctx.emit("order.created", {"id": 1})
        return "emitted"

    told = Told(flow)
    assert told.pending == ["emit:order.created:1"]
    told.tell("emitted", "emit:order.created:1", {"type": "order.created", "payload": {"id": 1}})
    assert told.result == Completed('"emitted"')


def test_time_and_chance_are_the_same_in_each_replay():
    async def flow(ctx, _payload):
        seen = [ctx.now().isoformat(), ctx.random().random(), str(ctx.uuid())]
        await ctx.step(work)
        return [*seen, ctx.now().isoformat(), str(ctx.uuid())]

    told = Told(flow)
    told.tell("step_completed", "step:work:1", {"result": None})
    again = Replay(flow, told.identity)
    for number, (type_, name, data) in enumerate(told.log, 1):
        again.deliver(type_, name, json.dumps(data), MOMENT + timedelta(seconds=number))
    assert again.result == told.result
    assert told.result.output.startswith('["2026-01-01T00:00:01+00:00"')
    assert '"2026-01-01T00:00:02+00:00"' in told.result.output


def test_a_sleep_until_asks_for_that_moment():
    async def flow(ctx, _payload):
        await ctx.sleep_until(MOMENT + timedelta(days=1))

    (sleep,) = Told(flow).replay.take_fresh()
    assert sleep.call.until == MOMENT + timedelta(days=1)
