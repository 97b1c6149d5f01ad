"""Workflows of any shape run by real pumps while hooks are resumed: each log tells the story that its code lived."""

import threading
import time
from contextlib import contextmanager
from random import Random

import pytest
from django.db import connection

from tests.tenants import make_env
from tests.waiting import until
from tests.workflows.making import dense, make_instances, output, row
from tests.workflows.pumping import run_until_idle, running
from workflows import agreement, eventlog, hooks, registry, steering
from workflows.agreement import Agrees, Diverges
from workflows.identity import Identity
from workflows.models import Hook, Instance
from workflows.operations import Disposed, HookTimedOut, StepFailed
from workflows.states import FINISHED, Status
from workflows.steps import Fatal, step

pytestmark = pytest.mark.django_db(transaction=True)
INSTANCES = 60
FORKS = ("gather", "race", "seq")
LEAVES = ("step", "fail", "flaky", "sleep", "hook", "inbox", "emit", "child", "chance")


@step
def give(number):
    return number


@step
def fail(number):
    raise Fatal(str(number), code="told")


tried = set()


@step(retries=2, backoff_seconds=0.01)
def flake(instance, number):
    if (instance, number) not in tried:
        tried.add((instance, number))
        raise ConnectionError("once")
    return number


def make_program(chance, depth):
    """Make a tree of what a workflow does."""
    if depth == 0 or chance.random() < 0.2:
        return [chance.choice(LEAVES), chance.randrange(1000)]
    return [chance.choice(FORKS), [make_program(chance, depth - 1) for _ in range(chance.randint(1, 4))]]


class Life:
    """One life of an instance's code; `story` is everything that it saw, in the order in which it did."""

    def __init__(self, ctx):
        self.ctx = ctx
        self.story = []

    async def live(self, program):
        what, inside = program
        try:
            result = await getattr(self, f"_{what}")(inside)
        except (StepFailed, HookTimedOut) as error:
            result = error.code
        except Disposed:
            self.story.append([what, "disposed"])
            await self.ctx.step(give, 0)
            raise
        self.story.append([what, result, self.ctx.now().isoformat()])
        return result

    async def _seq(self, inside):
        return [await self.live(each) for each in inside]

    async def _gather(self, inside):
        return await self.ctx.gather(*(self.live(each) for each in inside))

    async def _race(self, inside):
        return await self.ctx.race(**{f"b{number}": self.live(each) for number, each in enumerate(inside)})

    async def _step(self, number):
        return await self.ctx.step(give, number)

    async def _fail(self, number):
        return await self.ctx.step(fail, number)

    async def _flaky(self, number):
        return await self.ctx.step(flake, str(self.ctx.instance_id), number)

    async def _sleep(self, number):
        return await self.ctx.sleep(number / 20_000)

    async def _hook(self, number):
        return await self.ctx.hook("one", timeout_seconds=0.02 if number % 3 == 0 else None)

    async def _inbox(self, number):
        async with self.ctx.hook("many") as inbox:
            return [await inbox, await self.ctx.step(give, number), await inbox]

    async def _emit(self, number):
        return await self.ctx.emit("told", number)

    async def _child(self, number):
        return await self.ctx.child("noop", number)

    async def _chance(self, _number):
        return str(self.ctx.uuid())


async def live(ctx, program):
    life = Life(ctx)
    return [await life.live(program), life.story]


def resume_all(stop, seed):
    """Hand numbers to whatever is open until told to stop."""
    chance, number = Random(seed), 0
    while not stop.wait(0.002):
        tokens = list(Hook.objects.filter(disposed_at=None).values_list("token", flat=True)[:50])
        for token in chance.sample(tokens, min(5, len(tokens))):
            number += 1
            hooks.resume(token, str(number).encode())
    connection.close()


def pause_some(stop, seed):
    """Pause whatever is unfinished, a moment each."""
    chance = Random(seed)
    while not stop.wait(0.01):
        ids = list(Instance.objects.exclude(status__in=FINISHED).values_list("id", flat=True)[:200])
        for id_ in chance.sample(ids, min(5, len(ids))):
            steering.pause(id_, actor="test")
            stop.wait(0.002)
            steering.resume(id_, actor="test")
    connection.close()


@contextmanager
def disturbed(*, pauses):
    """Have hooks resumed, and instances paused, beside the test."""
    stop = threading.Event()
    disturbers = [threading.Thread(target=resume_all, args=(stop, seed)) for seed in range(2)]
    if pauses:
        disturbers.append(threading.Thread(target=pause_some, args=(stop, 7)))
    for each in disturbers:
        each.start()
    try:
        yield
    finally:
        stop.set()
        for each in disturbers:
            each.join()


def all_ended():
    return not Instance.objects.exclude(status__in=FINISHED).exists()


def verdict_on(instance):
    named = (instance.definition, instance.version, instance.root_id, instance.depth)
    identity = Identity(instance.id, instance.org_id, instance.env_id, *named)
    return agreement.of(registry.latest("flow").function, identity, eventlog.read(instance.id))


@pytest.mark.parametrize("kept", [0, 3, 2_000])
def test_every_log_tells_the_story_that_its_code_lived(flow, settings, kept):
    settings.WORKFLOWS = settings.WORKFLOWS | {"MAX_LIVE": kept}
    flow(live)
    env = make_env()
    chance = Random(kept)
    programs = [make_program(chance, 3) for _ in range(INSTANCES)]
    instances = make_instances("flow", programs, org_id=env.org_id, env_id=env.id)
    with disturbed(pauses=False), running(0), running(1), running(2), running(3):
        until(all_ended, seconds=90)
    check(instances)


def test_pauses_and_new_pumps_change_no_story(flow):
    flow(live)
    env = make_env()
    chance = Random(1)
    programs = [make_program(chance, 3) for _ in range(INSTANCES)]
    instances = make_instances("flow", programs, org_id=env.org_id, env_id=env.id)
    with disturbed(pauses=True):
        for _ in range(100):
            with running(0), running(1), running(2), running(3):
                begun = time.monotonic()
                until(lambda begun=begun: all_ended() or time.monotonic() > begun + 0.3)
            if all_ended():
                break
    check(instances)


def check(instances):
    for instance in Instance.objects.filter(id__in=instances):
        assert instance.status == Status.COMPLETED, (instance.error_code, instance.error_message)
        assert dense(instance.id)
        verdict = verdict_on(instance)
        assert isinstance(verdict, Agrees), verdict


def test_code_that_reads_a_clock_does_not_agree_with_its_own_log(flow):
    @flow
    async def run(ctx, payload):
        await ctx.step(give, 1)
        return time.monotonic()

    (instance,) = make_instances("flow", [None])
    run_until_idle()
    assert isinstance(verdict_on(Instance.objects.get(id=instance)), Diverges)


def test_a_wait_beside_a_running_step_leaves_nothing_behind_that_wakes_what_is_suspended(flow):
    """Each branch sleeps and then runs a step, so that waits come due while steps of others run."""

    async def branch(ctx, number):
        await ctx.sleep(0.03 * number)
        return await ctx.step(slow, number)

    @step
    def slow(number):
        time.sleep(0.03)
        return number

    @flow
    async def run(ctx, _payload):
        return await ctx.gather(*(branch(ctx, number) for number in range(1, 5)))

    instances = make_instances("flow", [None] * 30)
    with running() as pumping:
        until(lambda: all(row(instance).finished_at for instance in instances))
    assert pumping.error is None
    assert {tuple(output(instance)) for instance in instances} == {(1, 2, 3, 4)}
