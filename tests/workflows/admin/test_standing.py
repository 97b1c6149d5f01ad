"""The facts of a wait, from real tables."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from tests import stock, tenants
from tests.workflows.admin.looking import ran, shown
from workflows import Retryable, engine, steering, step, workflow
from workflows.admin import standing
from workflows.admin.standing import OpenHook
from workflows.models import Hook, Instance, Shard

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def environment(own_workflows):
    return tenants.make_env("acme")


def of(environment, id_):
    return standing.read(*shown(environment, id_), datetime.now(UTC))


def waiting(environment, code):
    """Run a workflow until it waits."""
    id_ = ran(environment, code)
    assert Instance.objects.get(id=id_).status == "waiting"
    return id_


def test_a_sleep_is_the_timer_it_is_woken_for(environment) -> None:
    async def code(ctx, payload):
        await ctx.race(answered=ctx.hook("approval"), late=ctx.sleep(3_600))

    id_ = waiting(environment, code)
    found = of(environment, id_)
    assert found.timer
    assert (found.timer.kind, found.timer.name) == ("wait", "sleep")
    assert found.wake_at == found.timer.due_at
    assert timedelta(minutes=59) < found.wake_at - found.now < timedelta(minutes=61)
    token = Hook.objects.get(instance_id=id_).token
    assert list(found.hooks) == [OpenHook("approval", token, "race:1.answered/hook:approval:1")]
    assert found.timer.correlation_id == "race:1.late/wait:sleep:1"


def test_a_retry_tells_its_step_attempt_and_error(environment) -> None:
    @step(name="charge", retries=3)
    def charge():
        raise Retryable("no luck", after=3_600, code="http_500")

    async def code(ctx, payload):
        await ctx.step(charge)

    timer = of(environment, waiting(environment, code)).timer
    assert timer
    assert (timer.kind, timer.name, timer.attempt, timer.error) == ("step", "charge", 1, "http_500: no luck")


def test_a_hook_with_a_time_out_is_the_timer(environment) -> None:
    async def code(ctx, payload):
        await ctx.hook("approval", timeout_seconds=3_600)

    timer = of(environment, waiting(environment, code)).timer
    assert timer
    assert (timer.kind, timer.name) == ("hook", "approval")


def test_an_unfinished_child_is_named(environment) -> None:
    @workflow("sleeper")
    async def sleeper(ctx, payload):
        await ctx.sleep(3_600)

    async def code(ctx, payload):
        await ctx.child("sleeper")

    (child,) = of(environment, waiting(environment, code)).children
    assert child.definition == "sleeper"
    assert child.status in {"pending", "waiting"}


def test_a_pause_tells_who_made_it(environment) -> None:
    trigger = tenants.trigger(environment)
    engine.start(trigger)
    steering.pause(trigger.id, actor="oscar")
    found = of(environment, trigger.id)
    assert (found.paused_by, found.wake_at, found.timer) == ("oscar", None, None)
    assert found.paused_at


@pytest.mark.parametrize(
    ("columns", "seen"),
    [
        ({"max_parallelism": 0, "deadline": timezone.now() + timedelta(days=1)}, (True, True, True)),
        ({"deadline": timezone.now() - timedelta(days=1)}, (True, False, False)),
        (None, (False, False, False)),
    ],
)
def test_the_lane_tells_who_holds_it_and_whether_it_is_paused(environment, columns, seen) -> None:
    Shard.objects.all().delete()
    if columns:
        Shard.objects.create(index=0, owner="here", epoch=1, **columns)
    # 99 is no shard, so it reads as 0.
    lane = of(environment, stock.make_instance(environment, shard=99, last_seq=1).id).lane
    assert (lane.index, lane.known, lane.alive, lane.paused) == (0, *seen)


def test_a_buffered_one_has_its_position() -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    _, second = stock.mollify(environment, 2)
    found = of(environment, second)
    assert found.position
    assert found.position.ahead == 1


def test_what_is_over_is_asked_nothing_more(environment) -> None:
    done = stock.make_instance(environment, status="completed", finished_at=timezone.now(), last_seq=3)
    found = of(environment, done.id)
    assert (found.timer, list(found.hooks), list(found.children)) == (None, [], [])
