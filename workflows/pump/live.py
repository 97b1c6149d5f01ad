"""An instance in a pump's memory: its coroutine, how far it knows its log, and what it has in hand."""

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec

from workflows import conf, turns
from workflows.context import Sleep, StepCall
from workflows.fence import Append, Failure, Fence, NewEvent, StoredEvent
from workflows.pump.committer import Write
from workflows.pump.steps import StepRun
from workflows.registry import Registered
from workflows.replay import Pending, Replay
from workflows.states import EventType

decode = msgspec.json.decode

Start = Callable[[Pending, StepCall[Any]], StepRun]
TERMINAL = frozenset({EventType.COMPLETED, EventType.FAILED, EventType.CANCELLED})
PAUSING = frozenset({EventType.PAUSED, EventType.RESUMED})
WITH_DUE = frozenset({EventType.WAIT_CREATED, EventType.STEP_RETRYING})


class Fed(Enum):
    """How far a delivery got: to the end of what was given, to a gap in it, or to the end of the instance."""

    ALL = "all"
    GAP = "gap"
    ENDED = "ended"


class Live:
    """Owned by the event loop's thread.

    `tail` is the last event the coroutine has seen. `write` is the append under way; there is one at a time.
    `outgoing` are facts that wait for it. `behind` says that the log is being read up to its end. `refusal` is all
    that is to be appended for an instance that can't or must not run here, whatever its log holds. `claimed_again` says
    that a claim came while the append was under way: what it suspends is ours again already. `paused` says that the log
    tells of a pause: what runs may end and be recorded, and nothing else happens.
    """

    __slots__ = (
        "behind",
        "claimed_again",
        "closed",
        "dues",
        "id",
        "log_bytes",
        "outgoing",
        "paused",
        "refusal",
        "replay",
        "running",
        "tail",
        "timer",
        "unrecorded",
        "write",
    )

    def __init__(self, instance_id: UUID, registered: Registered) -> None:
        self.id = instance_id
        self.replay = Replay(registered.function, instance_id)
        self.tail = 0
        self.log_bytes = 0
        self.running: dict[str, StepRun] = {}
        self.outgoing: list[NewEvent] = []
        self.unrecorded: dict[str, Sleep] = {}
        self.dues: list[tuple[datetime, str]] = []
        self.refusal: Append | None = None
        self.write: Write[Live] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.behind = False
        self.paused = False
        self.claimed_again = False
        self.closed = False

    def feed(self, events: Iterable[StoredEvent]) -> Fed:
        """Deliver what the log holds after the tail.

        Raises:
            ReplayDivergence: the log is not one that this code can have written.
        """
        for event in events:
            if event.seq <= self.tail:
                continue
            if event.seq != self.tail + 1:
                return Fed.GAP
            if event.type in TERMINAL:
                return Fed.ENDED
            self._deliver(event.type, event.correlation_id, event.data)
            self.tail = event.seq
        return Fed.ALL

    def feed_own(self, events: Iterable[NewEvent]) -> None:
        """Deliver what was just appended at the tail."""
        for event in events:
            self._deliver(event.type, event.correlation_id, event.data)
            self.tail += 1

    def _deliver(self, type_: str, correlation_id: str, data: str) -> None:
        if type_ in PAUSING:
            self.paused = type_ == EventType.PAUSED
            return
        self.replay.deliver(type_, correlation_id, data)
        if type_ in WITH_DUE:
            self.unrecorded.pop(correlation_id, None)
            pending = self.replay.pending.get(correlation_id)
            if pending is not None and pending.due_at is not None:
                heapq.heappush(self.dues, (pending.due_at, correlation_id))

    def next_append(self, epoch: int, now: datetime, start: Start) -> Append | None:
        """Return what is to be appended next, if anything: facts, else the end, else decisions about waits.

        Steps that are asked for, or whose retry is due, are started.
        """
        if self.outgoing and (facts := self._take_unsettled()):
            return Append(self.id, facts, Fence(epoch=epoch))
        if self.paused or self.refusal is not None:
            return None if self.paused else self.refusal
        fence = Fence(self.tail, epoch)
        if self.replay.result is not None:
            return turns.finish(self.id, self.replay.result, fence)
        self._begin(start)
        events: list[NewEvent] = []
        for pending in self._take_due(now):
            if isinstance(pending.call, StepCall):
                self.running[pending.correlation_id] = start(pending, pending.call)
            else:
                events.append(turns.wait_completed(pending.correlation_id))
        return self._decide(now, fence, events)

    def _begin(self, start: Start) -> None:
        """Start the steps that were asked for since the last time, and note the sleeps."""
        for pending in self.replay.take_fresh():
            if pending.due_at is not None:
                continue
            if isinstance(pending.call, StepCall):
                self.running[pending.correlation_id] = start(pending, pending.call)
            else:
                self.unrecorded[pending.correlation_id] = pending.call

    def _decide(self, now: datetime, fence: Fence, events: list[NewEvent]) -> Append | None:
        """Record new waits and, when only waits are left, suspend."""
        dues = [now + timedelta(seconds=sleep.seconds) for sleep in self.unrecorded.values()]
        events += [turns.wait_created(name, due) for name, due in zip(self.unrecorded, dues, strict=True)]
        dues += [due for due, _ in self.dues[:1]]
        ends_some = len(events) > len(self.unrecorded)
        if self.running or ends_some or (dues and min(dues) <= now):
            return Append(self.id, tuple(events), fence) if events else None
        if dues:
            return turns.suspend(self.id, events, fence, min(dues))
        nothing = Failure("context_misused", "the workflow awaits nothing that could happen")
        return turns.fail(self.id, nothing, fence)

    def _take_unsettled(self) -> tuple[NewEvent, ...]:
        """Take the facts that wait, without those whose operation the log has settled meanwhile."""
        outgoing, self.outgoing = self.outgoing, []
        return tuple(event for event in outgoing if not self._settled(event))

    def _settled(self, event: NewEvent) -> bool:
        """Say whether the log has the outcome that this would record, as after an append whose answer was lost."""
        pending = self.replay.pending.get(event.correlation_id)
        if pending is None:
            return True
        return event.type == EventType.STEP_RETRYING and decode(event.data)["attempt"] <= pending.attempt

    def _take_due(self, now: datetime) -> list[Pending]:
        """Take the operations whose time has come, in order of (due, correlation id)."""
        taken = []
        while self.dues and self.dues[0][0] <= now:
            pending = self.replay.pending.get(heapq.heappop(self.dues)[1])
            if pending is not None:
                taken.append(pending)
        return taken

    def put_back(self, events: Iterable[NewEvent]) -> None:
        """Take back what an append that may or may not have been written was to say."""
        for event in events:
            pending = self.replay.pending.get(event.correlation_id)
            if event.type == EventType.WAIT_COMPLETED:
                if pending is not None and pending.due_at is not None:
                    heapq.heappush(self.dues, (pending.due_at, event.correlation_id))
            elif event.type != EventType.WAIT_CREATED:
                self.outgoing.append(event)

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def close(self) -> None:
        """End the coroutine and its async steps; what comes back later is refused."""
        self.closed = True
        self.stop_timer()
        for run in self.running.values():
            if run.task is not None:
                run.task.cancel()
        self.replay.close()


class IdleLives:
    """Coroutines of sleeping instances, the most recent ones; the others are rebuilt when they wake."""

    def __init__(self) -> None:
        self._lives: OrderedDict[UUID, Live] = OrderedDict()
        self._bytes = 0

    def find(self, instance_id: UUID) -> Live | None:
        return self._lives.get(instance_id)

    def take(self, instance_id: UUID) -> Live | None:
        live = self._lives.pop(instance_id, None)
        if live is not None:
            self._bytes -= live.log_bytes
        return live

    def keep(self, live: Live) -> None:
        """Keep one more, and let go of the oldest ones over the caps of number and bytes."""
        limits = conf.current()
        self._lives[live.id] = live
        self._bytes += live.log_bytes
        while len(self._lives) > limits.max_live or self._bytes > limits.max_live_bytes:
            _, oldest = self._lives.popitem(last=False)
            self._bytes -= oldest.log_bytes
            oldest.close()

    def close(self) -> None:
        for live in self._lives.values():
            live.close()
