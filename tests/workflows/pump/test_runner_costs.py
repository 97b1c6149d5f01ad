"""What an instance costs does not grow with its length: counted, not timed."""

from collections import Counter

import pytest

from tests.waiting import until
from tests.workflows.making import dense, log_of, make_instance, output, row
from tests.workflows.pumping import run_until_idle, running
from workflows import eventlog, hooks
from workflows.hooks import Resumed
from workflows.replay import Replay
from workflows.states import Status
from workflows.steps import step

pytestmark = pytest.mark.django_db(transaction=True)


@step
def count(number):
    return number


@pytest.fixture
def counts(monkeypatch):
    """Count the events that are read from the database, and those that coroutines are given."""
    counted = Counter()
    read_many, deliver = eventlog.read_many, Replay.deliver

    def reading(after):
        logs = read_many(after)
        counted["read"] += sum(map(len, logs.values()))
        return logs

    def delivering(self, *event):
        counted["delivered"] += 1
        deliver(self, *event)

    monkeypatch.setattr(eventlog, "read_many", reading)
    monkeypatch.setattr(Replay, "deliver", delivering)
    return counted


@pytest.mark.timeout(600)
@pytest.mark.parametrize("steps", [1_000, 10_000])
def test_each_step_of_a_long_instance_is_one_append_one_delivery_and_no_reading(flow, counts, steps):
    @flow
    async def run(ctx, payload):
        total = 0
        for number in range(steps):
            total += await ctx.step(count, number)
        return total

    instance = make_instance("flow")
    report = run_until_idle()
    assert output(instance) == sum(range(steps))
    assert dense(instance)
    # Read and delivered beside the steps: that it was created, and started.
    assert counts == {"read": 2, "delivered": steps + 2}
    assert report.counts["appended"] == steps + 1


def ask_again_and_again(flow, begun, steps, questions):
    @flow
    async def run(ctx, payload):
        begun.append(1)
        for number in range(steps):
            await ctx.step(count, number)
        return [await ctx.hook("question", "question-1") for _ in range(questions)]


def answer(instance, number, counts):
    """Answer a question once it is asked, and its pump knows that its instance sleeps: the row tells it before."""
    asked = f"hook:question:{number + 1}"
    until(lambda: log_of(instance)[-1][1:] == ("hook_created", asked) and row(instance).status == Status.WAITING)
    until(lambda: counts["delivered"] == row(instance).last_seq)
    assert isinstance(hooks.resume("question-1", str(number).encode()), Resumed)


def test_a_coroutine_that_is_kept_reads_only_what_is_new(flow, counts):
    begun = []
    ask_again_and_again(flow, begun, steps=1_000, questions=5)
    instance = make_instance("flow")
    with running():
        for number in range(5):
            answer(instance, number, counts)
        until(lambda: row(instance).status == Status.COMPLETED)
    assert output(instance) == list(range(5))
    assert len(begun) == 1
    # The first two, and each answer once.
    assert counts["read"] == 2 + 5
    assert counts["delivered"] == row(instance).last_seq - 1


def test_a_coroutine_that_was_evicted_is_rebuilt_by_one_reading_and_one_replay(flow, counts, settings):
    settings.WORKFLOWS = settings.WORKFLOWS | {"MAX_LIVE": 0}
    begun = []
    ask_again_and_again(flow, begun, steps=1_000, questions=1)
    instance = make_instance("flow")
    with running():
        answer(instance, 0, counts)
        until(lambda: row(instance).status == Status.COMPLETED)
    assert output(instance) == [0]
    assert len(begun) == 2
    # Until it slept: its first two read, and all but the answer and the end delivered.
    log = row(instance).last_seq - 1
    assert counts == {"read": 2 + log, "delivered": (log - 1) + log}
