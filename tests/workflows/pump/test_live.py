"""One instance in memory: what it delivers, what it decides next, and which coroutines are kept."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.workflows.making import identity_of
from workflows import turns
from workflows.fence import Append, Appended, Change, Failure, Fence, NewEvent, StoredEvent
from workflows.pump.live import Fed, IdleLives, Live
from workflows.pump.steps import StepRun
from workflows.registry import Registered
from workflows.states import EventType, Status
from workflows.steps import step

NOW = datetime(2030, 1, 1, tzinfo=UTC)
CREATED = NewEvent(EventType.CREATED, "", '{"payload":null}')


@step(retries=3)
def work():
    return 1


class Story:
    """A live instance whose log is kept by the test."""

    def __init__(self, function, instance_id=None):
        self.live = Live(identity_of(instance_id), Registered("flow", 1, function))
        self.started = []
        self.land(CREATED)

    def land(self, *events):
        self.live.feed_own(events, Appended(self.live.tail, NOW))

    def next(self, after=0.0):
        return self.live.next_append(7, NOW + timedelta(seconds=after), self._start)

    def _start(self, pending, call):
        self.started.append(pending.correlation_id)
        return StepRun(self.live, pending, call)

    def come_back(self, event):
        del self.live.running[event.correlation_id]
        self.live.outgoing.append(event)


async def nap(ctx, _payload):
    await ctx.sleep(10)


async def steps(ctx, _payload):
    return await ctx.step(work)


def kept(size):
    story = Story(nap)
    story.live.log_bytes = size
    return story.live


def stored(seq, type_=EventType.STARTED, correlation_id=""):
    return StoredEvent(seq, type_, correlation_id, "{}", NOW)


def test_events_are_delivered_once_and_up_to_a_gap_or_the_end():
    live = Story(nap).live
    assert live.feed([stored(1), stored(2), stored(3)]) is Fed.ALL
    assert live.feed([stored(3), stored(5)]) is Fed.GAP
    assert live.tail == 3
    assert live.feed([stored(4), stored(5, EventType.CANCELLED, "end")]) is Fed.ENDED
    assert live.tail == 4


def test_a_sleep_is_recorded_with_the_suspension_and_ended_when_due():
    story = Story(nap)
    due = NOW + timedelta(seconds=10)
    created = turns.wait_created("wait:sleep:1", due)
    assert story.next() == Append(story.live.id, (created,), Fence(1, 7), Change(Status.WAITING, due))
    story.land(created)
    assert story.next(9.9) == Append(story.live.id, (), Fence(2, 7), Change(Status.WAITING, due))
    assert story.next(10) == Append(story.live.id, (turns.wait_completed("wait:sleep:1"),), Fence(2, 7))


def test_facts_come_before_decisions_and_carry_the_epoch_alone():
    async def both(ctx, _payload):
        await ctx.gather(ctx.step(work), ctx.sleep(10))

    story = Story(both)
    assert [event.type for event in story.next().events] == [EventType.WAIT_CREATED]
    assert story.started == ["gather:1.0/step:work:1"]
    fact = turns.step_completed("gather:1.0/step:work:1", b"1")
    story.come_back(fact)
    assert story.next() == Append(story.live.id, (fact,), Fence(epoch=7))


def test_an_outcome_of_a_step_that_the_log_has_settled_is_not_recorded_again():
    story = Story(steps)
    story.next()
    fact = turns.step_completed("step:work:1", b"1")
    story.land(fact)
    story.come_back(fact)
    assert story.next().change == Change(Status.COMPLETED)


def test_a_retry_that_may_have_been_written_is_recorded_and_run_once():
    story = Story(steps)
    story.next()
    retrying = turns.step_retrying("step:work:1", Failure("error", "no"), "ValueError", 1, NOW)
    story.come_back(retrying)
    (fact,) = story.next().events
    story.live.put_back(Append(story.live.id, (fact,)))
    story.land(fact)
    assert story.next() is None
    assert story.started == ["step:work:1"] * 2
    second = turns.step_retrying("step:work:1", Failure("error", "no"), "ValueError", 2, NOW)
    story.come_back(second)
    assert story.next().events == (second,)


def test_an_ended_wait_that_may_not_have_been_written_is_ended_again():
    story = Story(nap)
    story.land(turns.wait_created("wait:sleep:1", NOW))
    decided = story.next()
    story.live.put_back(decided)
    assert story.next() == decided


def test_waiting_for_nothing_fails_the_instance():
    live = Live(identity_of(), Registered("flow", 1, nap))
    assert live.next_append(7, NOW, lambda *_: None).change.failure.code == "context_misused"


@pytest.mark.parametrize("limits", [{"MAX_LIVE": 2}, {"MAX_LIVE_BYTES": 250}])
def test_the_coroutines_kept_longest_go_over_the_cap_of_number_or_bytes(settings, limits):
    settings.WORKFLOWS = limits
    idle, lives = IdleLives(), [kept(size=100) for _ in range(4)]
    for live in lives:
        idle.keep(live)
    assert [live.closed for live in lives] == [True, True, False, False]
    assert [idle.find(live.id) for live in lives] == [None, None, *lives[2:]]
    idle.close()
    assert all(live.closed for live in lives)


def test_what_is_taken_frees_its_bytes_and_its_return_makes_it_the_newest(settings):
    settings.WORKFLOWS = {"MAX_LIVE_BYTES": 250}
    idle, (first, second, third) = IdleLives(), [kept(size=100) for _ in range(3)]
    idle.keep(first)
    idle.keep(second)
    assert idle.take(first.id) is first
    assert idle.take(first.id) is None
    first.log_bytes = 150
    idle.keep(first)
    assert not second.closed
    idle.keep(third)
    assert (second.closed, first.closed, third.closed) == (True, False, False)
    idle.close()


def test_a_log_over_the_cap_of_bytes_is_not_kept_alone_either(settings):
    settings.WORKFLOWS = {"MAX_LIVE_BYTES": 250}
    idle, huge = IdleLives(), kept(size=251)
    idle.keep(huge)
    assert (idle.find(huge.id), huge.closed) == (None, True)
    again = kept(size=250)
    idle.keep(again)
    assert idle.find(again.id) is again
    idle.close()
