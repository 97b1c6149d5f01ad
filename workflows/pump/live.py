"""An instance in a pump's memory: its coroutine, how far it knows its log, and what it has in hand."""

import asyncio
import heapq
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec

from workflows import conf, turns
from workflows.fence import Append, Appended, Failure, Fence, NewEvent, Offspring, StoredEvent
from workflows.identity import Identity
from workflows.operations import Child, Emit, Hook, Sleep, StepCall
from workflows.pending import Pending
from workflows.pump.committer import Write
from workflows.pump.steps import StepRun
from workflows.registry import Registered
from workflows.replay import Replay
from workflows.states import EventType

decode = msgspec.json.decode

Start = Callable[[Pending, StepCall[Any]], StepRun]
TERMINAL = frozenset({EventType.COMPLETED, EventType.FAILED, EventType.CANCELLED})
PAUSING = frozenset({EventType.PAUSED, EventType.RESUMED})
WITH_DUE = frozenset({EventType.WAIT_CREATED, EventType.STEP_RETRYING, EventType.HOOK_CREATED})
FACTS = frozenset({EventType.STEP_COMPLETED, EventType.STEP_FAILED, EventType.STEP_RETRYING, EventType.EMITTED})
COMPLETING = frozenset({EventType.WAIT_COMPLETED, EventType.HOOK_DISPOSED})
RECORDING = frozenset({EventType.WAIT_CREATED, EventType.HOOK_CREATED, EventType.HOOK_CONFLICT})


class Fed(Enum):
    """How far a delivery got: to the end of what was given, to a gap in it, or to the end of the instance."""

    ALL = "all"
    GAP = "gap"
    ENDED = "ended"


class Live:
    """Owned by the event loop's thread.

    `tail` is the last event the coroutine has seen. `write` is the append under way; there is one at a time.
    `outgoing` are facts that wait for it, `unrecorded` the waits and hooks that the log does not know yet, `unborn` the
    children that wait for their turn. `behind` says that the log is being read up to its end. `refusal` is all
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
        "identity",
        "log_bytes",
        "outgoing",
        "paused",
        "refusal",
        "replay",
        "running",
        "tail",
        "timer",
        "unborn",
        "unrecorded",
        "write",
    )

    def __init__(self, identity: Identity, registered: Registered) -> None:
        self.id = identity.id
        self.identity = identity
        self.replay = Replay(registered.function, identity)
        self.tail = 0
        self.log_bytes = 0
        self.running: dict[str, StepRun] = {}
        self.outgoing: list[NewEvent] = []
        self.unrecorded: dict[str, Sleep | Hook] = {}
        self.unborn: deque[Pending] = deque()
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
            self._deliver(event.type, event.correlation_id, event.data, event.at)
            self.tail = event.seq
        return Fed.ALL

    def feed_own(self, events: Iterable[NewEvent], appended: Appended) -> None:
        """Deliver what was just appended at the tail."""
        for event in events:
            type_ = EventType.HOOK_CONFLICT if event.correlation_id in appended.clashes else event.type
            self._deliver(type_, event.correlation_id, event.data, appended.at)
            self.tail += 1

    def _deliver(self, type_: str, correlation_id: str, data: str, at: datetime) -> None:
        if type_ in PAUSING:
            self.paused = type_ == EventType.PAUSED
            return
        self.replay.deliver(type_, correlation_id, data, at)
        if type_ in RECORDING:
            self.unrecorded.pop(correlation_id, None)
        if type_ in WITH_DUE:
            pending = self.replay.pending.get(correlation_id)
            if pending is not None and pending.due_at is not None:
                heapq.heappush(self.dues, (pending.due_at, correlation_id))

    def next_append(self, epoch: int, now: datetime, start: Start) -> Append | None:
        """Return what is to be appended next, if anything: facts, else the end, else decisions.

        Steps that are asked for, or whose retry is due, are started.
        """
        if not self.paused and self.refusal is None:
            self._begin(start, epoch)
        if (facts := self._facts(epoch)) is not None or self.paused:
            return facts
        if self.refusal is not None:
            return self.refusal
        fence = Fence(self.tail, epoch)
        if (result := self.replay.result) is not None:
            return turns.finish(self.id, result, fence)
        completed: list[NewEvent] = []
        for pending in self._take_due(now):
            match pending.call:
                case StepCall() as call:
                    self.running[pending.correlation_id] = start(pending, call)
                case Hook():
                    completed.append(turns.hook_disposed(pending.correlation_id, "timed_out"))
                case _:
                    completed.append(turns.wait_completed(pending.correlation_id))
        return self._decide(now, fence, completed)

    def _begin(self, start: Start, epoch: int) -> None:
        """Begin what was asked for since the last time: steps and facts at once, waits and hooks when decided."""
        for pending in self.replay.take_fresh():
            if pending.due_at is not None or pending.recorded:
                continue
            match pending.call:
                case StepCall() as call:
                    self.running[pending.correlation_id] = start(pending, call)
                case Emit() as emit if failure := turns.refused(emit, conf.current().max_payload_bytes):
                    # By its end, which the log tells: another limit one day changes nothing that a replay lives.
                    self.refusal = turns.fail(self.id, failure, Fence(epoch=epoch))
                case Emit() as emit:
                    self.outgoing.append(turns.emitted(pending.correlation_id, emit))
                case Child():
                    self.unborn.append(pending)
                case Sleep() | Hook() as call:
                    self.unrecorded[pending.correlation_id] = call

    def _facts(self, epoch: int) -> Append | None:
        """Return the facts that wait, and the children there is room for."""
        children = self._take_unborn()
        events = (*self._take_unsettled(), *map(turns.child_started, children))
        return Append(self.id, events, Fence(epoch=epoch), children=children) if events else None

    def _take_unborn(self) -> tuple[Offspring, ...]:
        """Take the children that may be started now; the others wait for the end of some."""
        if not self.unborn or self.paused:
            return ()
        room = conf.current().max_children - len(self.replay.children)
        taken: list[Offspring] = []
        while self.unborn and len(taken) < room:
            pending = self.unborn.popleft()
            call = pending.call
            awaited = pending.correlation_id in self.replay.pending and not pending.recorded
            if awaited and isinstance(call, Child):
                taken.append(Offspring(self.identity, pending.correlation_id, call.definition, call.payload))
        return tuple(taken)

    def _decide(self, now: datetime, fence: Fence, completed: list[NewEvent]) -> Append | None:
        """Record new waits and hooks and, when only those are left, suspend."""
        dues = [due for due, _ in self.dues[:1]]
        events = completed + [turns.hook_disposed(name, "closed") for name in self.replay.disposals]
        hooks = opened = False
        for name, call in self.unrecorded.items():
            if name not in self.replay.pending:
                continue
            if isinstance(call, Hook):
                hooks, opened = True, opened or call.stays_open
                events.append(turns.hook_created(name, call, now))
                due = None if call.timeout_seconds is None else now + timedelta(seconds=call.timeout_seconds)
            else:
                due = call.until or now + timedelta(seconds=call.seconds)
                events.append(turns.wait_created(name, due))
            if due is not None:
                dues.append(due)
        # Behind the opening of a hook its block goes on.
        if self.running or completed or opened or (dues and min(dues) <= now):
            return Append(self.id, tuple(events), fence) if events else None
        if dues or hooks or self.unborn or self.replay.waits_outside():
            return turns.suspend(self.id, events, fence, min(dues, default=None))
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
            return event.correlation_id not in self.replay.unread
        return event.type == EventType.STEP_RETRYING and decode(event.data)["attempt"] <= pending.attempt

    def _take_due(self, now: datetime) -> list[Pending]:
        """Take the operations whose time has come, in order of (due, correlation id)."""
        taken = []
        while self.dues and self.dues[0][0] <= now:
            pending = self.replay.pending.get(heapq.heappop(self.dues)[1])
            if pending is not None:
                taken.append(pending)
        return taken

    def put_back(self, request: Append) -> None:
        """Take back what an append that may or may not have been written was to say."""
        self.unborn.extend(
            pending for child in request.children if (pending := self.replay.pending.get(child.correlation_id))
        )
        for event in request.events:
            pending = self.replay.pending.get(event.correlation_id)
            if event.type in FACTS:
                self.outgoing.append(event)
            elif event.type in COMPLETING and pending is not None and pending.due_at is not None:
                heapq.heappush(self.dues, (pending.due_at, event.correlation_id))

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
