"""The pump's second thread: keeps the lease, listens for hints, claims what is ready and reads logs."""

import heapq
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connection

from workflows import conf, eventlog, ready, registry
from workflows.pump import claims, leases
from workflows.pump.claims import Batch, Claimed, Logs
from workflows.pump.leases import Lease
from workflows.pump.outside import Outside

log = structlog.get_logger(__name__)

# A hint that was held back because another had just been sent is found by looking once more.
LOOK_AGAIN_SECONDS = 2 * ready.WINDOW_SECONDS
# Looks are this far apart at least, so that each finds a batch.
GAP_SECONDS = 0.005
REAP_SECONDS = 15.0


class Loop(Protocol):
    """What the claimer asks of the event loop's side, from its own thread.

    `counts` is what was done so far, by word.
    """

    counts: Counter[str]

    def room(self) -> int:
        """Return how many more instances may be claimed."""
        ...

    def has_done(self, handed: int) -> bool:
        """Say whether nothing is in hand of so many claims that were handed over so far."""
        ...

    def holding(self) -> list[UUID]:
        """Return the instances that are claimed and in hand."""
        ...

    def tail_of(self, instance_id: UUID) -> int:
        """Return up to where a live instance knows its log; 0 when it is not live."""
        ...

    def long_running(self) -> list[UUID]:
        """Return instances in a long step; whether they were cancelled meanwhile is worth a look."""
        ...


@dataclass(frozen=True, slots=True)
class Reports:
    """How the claimer answers; each is called from its thread."""

    claimed: Callable[[Sequence[Claimed], Logs], None]
    read: Callable[[Logs], None]
    gone: Callable[[Sequence[UUID]], None]
    lease: Callable[[Lease | None], None]
    broken: Callable[[BaseException], None]
    told: Callable[[], None]


class Claimer:
    """Runs until stopped; outages of the database are waited out."""

    def __init__(self, shard: int, lease: Lease, loop: Loop, outside: Outside, reports: Reports) -> None:
        self._shard = shard
        self._lease = lease
        self._epoch = lease.epoch
        self._loop = loop
        self._outside = outside
        self._reports = reports
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)
        self._wanted: dict[UUID, int] = {}
        self._alarms: list[float] = []
        self._lock = threading.Lock()
        self._claiming = True
        self._stopping = False
        self._listening = False
        self._recovering = False
        self._next_beat = 0.0
        self._next_look = 0.0
        self._next_reap = 0.0
        self._last_look = 0.0
        self._hinted = False
        self._handed = 0
        self._suspect_next = False
        self.waits_for_idle = False
        self.found_nothing = False
        self._thread = threading.Thread(target=self._run, name="workflow-claimer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask_log(self, instance_id: UUID, after: int) -> None:
        """Ask for the events after a sequence number."""
        with self._lock:
            self._wanted[instance_id] = after
        self.wake()

    def alarm(self, at: float) -> None:
        """Look for ready instances at this time.monotonic: one of ours is due then."""
        with self._lock:
            soonest = not self._alarms or at < self._alarms[0]
            heapq.heappush(self._alarms, at)
        if soonest:
            self.wake()

    def wake(self) -> None:
        """End the claimer's present pause."""
        with suppress(BlockingIOError):
            self._near.send(b"w")

    def look_now(self) -> None:
        """Look for ready instances without waiting for the next poll."""
        self._next_look = 0.0
        self.wake()

    def stop_claiming(self) -> None:
        self._claiming = False

    def stop(self) -> None:
        """End after the present round."""
        self._stopping = True
        self.wake()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)
        if not self._thread.is_alive():
            self._near.close()
            self._far.close()

    def _run(self) -> None:
        try:
            while not self._stopping:
                try:
                    self._listen()
                    self._round()
                    self._pause()
                except (OperationalError, InterfaceError) as error:
                    log.warning("workflows.claimer_broken", shard=self._shard, error=str(error))
                    connection.close()
                    self._listening = False
                    # What was claimed by a statement whose answer is lost is ours without our knowing.
                    self._recovering = True
                    self._wait(0.2, ())
        except BaseException as error:  # noqa: BLE001 - the pump must not go on without its claimer
            self._reports.broken(error)
        finally:
            connection.close()

    def _listen(self) -> None:
        if not self._listening:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {ready.channel(self._shard)}")
            self._listening = True

    def _round(self) -> None:
        """Do what is due: heartbeat, logs asked for, orphans, ready instances."""
        now = time.monotonic()
        if now >= self._next_beat:
            self._next_beat = now + conf.current().heartbeat_ms / 1000
            self._beat()
        if self._recovering:
            self._recover(now)
        self._read_wanted()
        if self._claiming and now >= self._next_reap:
            self._reap(now)
        if self._alarm_passed(now):
            self._look_soon(now)
        if self._claiming and now >= self._next_look:
            self._claim(now)

    def _beat(self) -> None:
        """Keep the lease, and do what can wait for a heartbeat."""
        self._reports.lease(leases.heartbeat(self._shard, self._epoch, self._lease.total(self._loop.counts)))
        if ids := self._loop.long_running():
            self._reports.gone(claims.finished_among(ids))

    def _recover(self, now: float) -> None:
        """Make ready what is ours without being in hand; one that is handed over this moment is only claimed twice."""
        recovered = claims.recover(self._shard, self._epoch, self._loop.holding())
        self._recovering = False
        if recovered:
            log.warning("workflows.lost_claims_recovered", shard=self._shard, epoch=self._epoch, instances=recovered)
            self._next_look = now

    def _reap(self, now: float) -> None:
        reaped = leases.reap(self._shard, self._epoch)
        # Again at once while there are more; now and then later, for what an old owner still held locked.
        self._next_reap = now if reaped == conf.current().takeover_batch else now + REAP_SECONDS
        self._recovering = True
        if reaped:
            log.warning("workflows.orphans_freed", shard=self._shard, epoch=self._epoch, instances=reaped)
            self._next_look = now

    def _alarm_passed(self, now: float) -> bool:
        passed = False
        with self._lock:
            while self._alarms and self._alarms[0] <= now:
                heapq.heappop(self._alarms)
                passed = True
        return passed

    def _look_soon(self, now: float) -> None:
        self._next_look = min(self._next_look, max(now, self._last_look + GAP_SECONDS))

    def _claim(self, now: float) -> None:
        empty_handed = self._loop.has_done(self._handed)
        if self.waits_for_idle and not empty_handed:
            self._next_look = now + conf.current().poll_ms / 1000
            return
        room = min(self._loop.room(), conf.current().group_instances)
        if room <= 0:
            self._next_look = now + GAP_SECONDS
            return
        limit = 0 if self._suspect_next else room
        batch = claims.claim(self._shard, self._epoch, limit, alone=empty_handed)
        self._take_turns(batch)
        self._last_look = now
        self.found_nothing = not batch.claims
        pause = LOOK_AGAIN_SECONDS if self._hinted else conf.current().poll_ms / 1000
        self._next_look = now + (GAP_SECONDS if len(batch.claims) == limit else pause)
        self._hinted = False
        self._hand_over(batch.claims)

    def _take_turns(self, batch: Batch) -> None:
        """Let what is in hand end before a suspect is claimed, and a suspect before anything else is."""
        self._suspect_next = batch.suspects_wait and not batch.is_suspect
        self.waits_for_idle = self._suspect_next or batch.is_suspect

    def _hand_over(self, batch: Sequence[Claimed]) -> None:
        self._learn(batch)
        self._handed += len(batch)
        for part in claims.in_parts(batch):
            known = {claim.id: self._loop.tail_of(claim.id) for claim in part}
            behind = {claim.id: known[claim.id] for claim in part if known[claim.id] != claim.tail}
            self._reports.claimed(part, eventlog.read_many(behind) if behind else {})

    def _learn(self, batch: Sequence[Claimed]) -> None:
        """Have the definitions registered that are stored and not known here yet."""
        pairs = {(claim.identity.definition, claim.identity.version) for claim in batch}
        if unknown := [pair for pair in pairs if not registry.settled(*pair)]:
            self._outside.learn(unknown)

    def _read_wanted(self) -> None:
        with self._lock:
            wanted, self._wanted = self._wanted, {}
        if not wanted:
            return
        try:
            self._reports.read(eventlog.read_many(wanted))
        except (OperationalError, InterfaceError):
            with self._lock:
                self._wanted = wanted | self._wanted
            raise

    def _pause(self) -> None:
        moments = [self._next_beat]
        if self._claiming:
            moments.append(self._next_look)
            with self._lock:
                moments += self._alarms[:1]
        if self._wait(min(moments) - time.monotonic(), (connection.connection.fileno(),)):
            self._hear()

    def _hear(self) -> None:
        """Take the hints that have come: look soon, or have the outbox emptied."""
        with connection.wrap_database_errors:
            hints = {hint.payload for hint in connection.connection.notifies(timeout=0)}
        if ready.TOLD in hints:
            self._reports.told()
        if "" in hints:
            self._hinted = True
            self._look_soon(time.monotonic())

    def _wait(self, seconds: float, others: Sequence[int]) -> bool:
        """Wait for a wake-up or for one of the other descriptors; say whether it was one of those."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._far, selectors.EVENT_READ)
            for descriptor in others:
                selector.register(descriptor, selectors.EVENT_READ)
            ready_ones = [key.fileobj for key, _ in selector.select(max(0.0, seconds))]
        if self._far in ready_ones:
            self._far.recv(4096)
        return any(descriptor in ready_ones for descriptor in others)
