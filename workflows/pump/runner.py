"""What a pump does with the instances it holds: deliver, run steps, decide, append. All on the event loop's thread."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog

from workflows import conf, turns
from workflows.endings import failure_of
from workflows.fence import Append, Appended, Conflict, Failure, Faulty, Fence, LogFull, StoredEvent
from workflows.pump import admission
from workflows.pump.claimer import Claimer
from workflows.pump.claims import Claimed, Logs
from workflows.pump.committer import Committer, Write
from workflows.pump.leases import Clock, Lease
from workflows.pump.live import Fed, IdleLives, Live
from workflows.pump.steps import StepRun, Steps
from workflows.registry import Registered
from workflows.replay import ReplayDivergence
from workflows.states import EventType, Status

log = structlog.get_logger(__name__)
LONG_STEP_SECONDS = 1.0


class Runner:
    """The instances of one pump: `active` ones are ours in the database, idle ones sleep with their coroutine kept."""

    def __init__(
        self, lease: Lease, committer: Committer[Live], claimer: Callable[[], Claimer], tell: Callable[[], None]
    ) -> None:
        """Call `tell` when something was written to the outbox."""
        self._epoch = lease.epoch
        self._committer = committer
        self._claimer = claimer
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._idle = IdleLives()
        self.active: dict[UUID, Live] = {}
        self.counts: Counter[str] = Counter()
        self.clock = Clock(lease.at)
        self.steps = Steps(self.steps_done)
        self.steps.limit = lease.max_parallelism
        self.lost = False

    def idle(self) -> bool:
        return not self.active

    def writing(self) -> bool:
        return any(live.write is not None for live in self.active.values())

    def close(self) -> None:
        """Let go of everything in memory."""
        self.steps.close()
        for live in self.active.values():
            live.close()
        self._idle.close()

    # Asked by the claimer, from its thread.

    def room(self) -> int:
        return 0 if self.steps.limit == 0 else conf.current().max_running - len(self.active)

    def has_done(self, handed: int) -> bool:
        return self.counts["claimed"] >= handed and not self.active

    def holding(self) -> list[UUID]:
        return list(self.active)

    def tail_of(self, instance_id: UUID) -> int:
        live = self._idle.find(instance_id) or self.active.get(instance_id)
        return live.tail if live is not None else 0

    def long_running(self) -> list[UUID]:
        horizon = time.monotonic() - LONG_STEP_SECONDS
        return [
            live.id
            for live in list(self.active.values())
            if any(run.started_at is not None and run.started_at < horizon for run in list(live.running.values()))
        ]

    # Told by the claimer and the committer, through the loop.

    def lease_kept(self, lease: Lease | None) -> None:
        if lease is None:
            self.lost = True
            return
        self.clock.set(lease.at)
        self.steps.limit = lease.max_parallelism
        self.steps.go()

    def claimed(self, claims: Sequence[Claimed], logs: Logs) -> None:
        for claim in claims:
            self.clock.at_least(claim.at)
            self.counts["claimed"] += 1
            self._take(claim, logs)
        self._flush()

    def read(self, logs: Logs) -> None:
        for instance_id, events in logs.items():
            if (live := self.active.get(instance_id)) is not None and not live.closed:
                live.behind = False
                self._feed(live, events)
        self._flush()

    def gone(self, ids: Sequence[UUID]) -> None:
        for instance_id in ids:
            if (live := self.active.get(instance_id)) is not None:
                self._drop(live)
        self._flush()

    def written(self, writes: Sequence[Write[Live]]) -> None:
        for write in writes:
            live = write.owner
            live.write = None
            self.counts[write.outcome.word] += 1
            if not live.closed:
                self._written(live, write)
        self._flush()

    def steps_done(self, runs: Sequence[StepRun]) -> None:
        now = self.clock.now()
        for run in runs:
            live = run.live
            if live.closed:
                self.counts["late_outcomes"] += 1
                continue
            del live.running[run.pending.correlation_id]
            if not run.skipped:
                event = run.event(now)
                self.counts[event.type.value] += 1
                live.outgoing.append(event)
            self._advance(live)
        self._flush()

    def _flush(self) -> None:
        self.steps.go()
        self._committer.flush()
        if not self.active and self._claimer().waits_for_idle:
            self._claimer().look_now()

    # One instance.

    def _take(self, claim: Claimed, logs: Logs) -> None:
        live = self._idle.take(claim.id) or self.active.get(claim.id) or self._new(claim)
        live.log_bytes = claim.log_bytes
        live.claimed_again = live.write is not None
        self.active[claim.id] = live
        if live.refusal is not None:
            self._advance(live)
        else:
            self._feed(live, logs.get(claim.id, ()), claim.tail)

    def _new(self, claim: Claimed) -> Live:
        """Make an instance's coroutine; one that can't or must not run here gets an append instead."""
        verdict = admission.judge(claim, self._epoch, self.clock.now())
        if isinstance(verdict, Registered):
            return Live(claim.identity, verdict)
        live = Live(claim.identity, admission.not_run(claim))
        live.tail, live.refusal = claim.tail, verdict
        return live

    def _feed(self, live: Live, events: Sequence[StoredEvent], tail: int = 0) -> None:
        """Deliver events and go on; the log is read again when they leave a gap or end before `tail`."""
        try:
            fed = live.feed(events)
        except Exception as error:  # noqa: BLE001 - a log may hold anything
            self._blame(live, error)
            return
        if fed is Fed.ENDED:
            self._drop(live)
        elif fed is Fed.GAP or (live.tail < tail and live.write is None):
            self._catch_up(live)
        else:
            self._advance(live)

    def _catch_up(self, live: Live) -> None:
        live.behind = True
        self._claimer().ask_log(live.id, live.tail)

    def _advance(self, live: Live) -> None:
        """Start and append what is next, unless an append is under way or the log is being read."""
        if live.write is not None or live.behind or live.closed:
            return
        try:
            request = live.next_append(self._epoch, self.clock.now(), partial(self.steps.start, live))
        except Exception as error:  # noqa: BLE001 - so may what its code asks for
            self._blame(live, error)
            return
        if request is not None:
            self._write(live, request)
        elif live.paused and not live.running:
            self._drop(live)
        elif live.dues and not live.paused:
            self._set_timer(live, live.dues[0][0])

    def _set_timer(self, live: Live, due: datetime) -> None:
        """Look at an instance again when its next wait is due, since a running step keeps it here."""
        live.stop_timer()
        delay = max(0.001, self.clock.monotonic(due) - time.monotonic())
        live.timer = self._loop.call_later(delay, self._on_timer, live)

    def _on_timer(self, live: Live) -> None:
        live.timer = None
        self._advance(live)
        self._flush()

    def _fail(self, live: Live, code: str, message: str, status: Status = Status.FAILED) -> None:
        self._write(live, turns.fail(live.id, Failure(code, message), Fence(epoch=self._epoch), status))

    def _blame(self, live: Live, error: Exception) -> None:
        """End an instance whose own log or code can't be gone on with; the others of this pump go on."""
        told = failure_of(error)
        if isinstance(error, ReplayDivergence):
            log.warning("workflows.replay_diverged", instance_id=str(live.id), error=told.message)
        else:
            told = replace(told, code="replay_failed")
            log.error("workflows.replay_failed", instance_id=str(live.id), error=told.message, exc_info=error)
        self._fail(live, told.code, told.message, Status.SYSTEM_FAILURE)

    def _write(self, live: Live, request: Append) -> None:
        live.claimed_again = False
        live.write = Write(live, request, live.tail)
        self._committer.put(live.write)

    def _written(self, live: Live, write: Write[Live]) -> None:
        match write.outcome:
            case Appended() as appended:
                live.log_bytes += write.size
                self._landed(live, appended, write.request)
            case Conflict(tail):
                log.info("workflows.fence_conflict", instance_id=str(live.id), at=write.request.fence.tail, tail=tail)
                self._conflicted(live, write)
            case LogFull():
                self._fail(live, "log_full", "the log has reached its cap")
            case Faulty(error) if write.request.change is None or write.request.change.failure is None:
                self._fail(live, "event_refused", f"the database refused the event: {error}")
            case _:
                # Finished from outside, taken over, deleted, or not even to be failed: not ours any more.
                self._drop(live)

    def _landed(self, live: Live, appended: Appended, request: Append) -> None:
        change = request.change
        if change is not None and change.finishes:
            self.counts[change.status.value] += 1
            self._tell()
            self._drop(live)
            return
        if appended.base > live.tail:
            # Something from outside came first, and is to be delivered first: the log has both.
            self._catch_up(live)
            return
        if appended.base == live.tail:
            try:
                live.feed_own(request.events, appended)
            except Exception as error:  # noqa: BLE001 - as for a log that is read
                self._blame(live, error)
                return
        if any(event.type == EventType.EMITTED for event in request.events):
            self._tell()
        if change is not None and change.status is Status.WAITING and not live.claimed_again:
            # A hook whose token is taken raises where it is awaited, so the database makes its instance ready.
            self._suspended(live, appended.at if appended.clashes else change.wake_at)
        else:
            self._advance(live)

    def _conflicted(self, live: Live, write: Write[Live]) -> None:
        """Write once more with the epoch as the only fence; what has landed meanwhile is delivered first."""
        request = write.request
        change = request.change if request.change is not None and request.change.finishes else None
        if write.unsure:
            live.put_back(request)
            self._catch_up(live)
        elif request.events or change is not None:
            self._write(live, replace(request, fence=Fence(epoch=self._epoch), change=change))
        else:
            self._catch_up(live)

    def _suspended(self, live: Live, wake_at: datetime | None) -> None:
        """Keep the coroutine of an instance that sleeps, as long as there is room for it."""
        # From here on the database wakes it, and nothing else may.
        live.stop_timer()
        del self.active[live.id]
        if wake_at is not None:
            self._claimer().alarm(self.clock.monotonic(wake_at) + 0.001)
        if live.replay.pending:
            self._idle.keep(live)
        else:
            live.close()

    def _drop(self, live: Live) -> None:
        self.active.pop(live.id, None)
        live.close()
