"""The drainer: claim, materialise, settle, with several claims in flight, while it leads.

One thread watches (the lead, wake-ups, leases); each lane, a thread, takes claims one after another. Lanes never wait
for each other, so one slow batch holds up nobody else's.
"""

import gc
import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from random import Random
from time import monotonic, sleep

from django.db import close_old_connections, connections

from mollifier import batch, buffer, mirror
from mollifier.backoff import Pause
from mollifier.conf import Conf
from mollifier.entry import Claim, Report, Requeue, Settlement
from mollifier.errors import BufferUnavailable
from mollifier.lead import Lead, Standing
from mollifier.materialiser import Materialiser

logger = logging.getLogger(__name__)
WATCH_SECONDS = 1.0
RECLAIM_SECONDS = 5.0
# Nudges are answered at most this often, so that what comes meanwhile shares a claim.
GATHER_SECONDS = 0.02
RETRY_SECONDS = 0.5
SETTLE_TRIES = 20
PATCH_ROUNDS = 3


@cache
def spare_what_stays() -> None:
    """Have the garbage collector pass over all that is loaded by now, once a process.

    It lives as long as the process, and walking it for every 10,000 entries took a tenth of a drainer's time.
    """
    gc.freeze()


@dataclass
class DrainReport:
    """What one run did. Without `led` another drainer leads and nothing was done; `waiting` is what is left."""

    led: bool = False
    claims: int = 0
    settled: int = 0
    requeued: int = 0
    failed: int = 0
    lost: int = 0
    buried: int = 0
    compared: int = 0
    waiting: int = 0


@dataclass
class Flight:
    """A claim between claim and settle."""

    claim: Claim
    since: float = field(default_factory=monotonic)
    extended_at: float = field(default_factory=monotonic)


class Drainer:
    """Drains while it leads.

    Args:
        materialiser: Turns entries into rows; called from several threads.
        settings: Sizes, leases, time-outs.
        stop_requested: Polled at least once a second.
        dice: Jitter.
    """

    def __init__(
        self,
        materialiser: Materialiser,
        settings: Conf,
        stop_requested: Callable[[], bool] = lambda: False,
        dice: Random | None = None,
    ) -> None:
        self._materialiser, self._settings, self._stop_requested = materialiser, settings, stop_requested
        dice = dice or Random()  # noqa: S311
        self._judge = batch.Judge(settings, dice, lambda: datetime.now(UTC))
        self._pause = Pause(settings.pause_base_ms / 1000, settings.pause_cap_ms / 1000, dice)
        self._lock = threading.Lock()
        self._calls = threading.Semaphore(0)
        self._closing = threading.Event()
        self._comparable = threading.Event()
        self._flights: dict[str, Flight] = {}
        self._idle_lanes = 0
        self._reclaimed_at = 0.0
        self.report = DrainReport()

    def run(self, until: float, linger_seconds: float) -> DrainReport:
        """Drain until the monotonic time, a stop, or until the buffer was empty for `linger_seconds`.

        An instance runs once. What is in flight at the end is finished, or given back after SHUTDOWN_TIMEOUT.
        """
        lead = Lead(self._settings.drainer_lease_ms)
        if not lead.take().leads:
            return self.report
        self.report.led = True
        spare_what_stays()
        lanes = [threading.Thread(target=self._lane, daemon=True) for _ in range(self._settings.claims_in_flight)]
        for lane in lanes:
            lane.start()
        try:
            self._watch(lead, until, linger_seconds)
        finally:
            self._finish(lanes)
        try:
            self.report.waiting = lead.leave()
        except BufferUnavailable as error:
            # The lead lapses by itself.
            logger.warning("mollifier.lead_not_left", extra={"error": str(error)})
        return self.report

    # The watching thread.

    def _watch(self, lead: Lead, until: float, linger_seconds: float) -> None:
        busy_at = monotonic()
        while not self._stop_requested() and monotonic() < until:
            try:
                standing = lead.take()
                if not standing.leads:
                    logger.warning("mollifier.lead_lost")
                    return
                self._keep_leases(overdue=standing.next_in_seconds == 0)
                if standing.waiting or self._flights:
                    busy_at = monotonic()
                elif monotonic() - busy_at >= linger_seconds:
                    return
                self._give_work(standing)
                if lead.wait_for_wake(self._patience(standing, until)):
                    self._call_lane()
                    self._closing.wait(GATHER_SECONDS)
            except BufferUnavailable as error:
                logger.warning("mollifier.buffer_unavailable", extra={"error": str(error)})
                self._closing.wait(RETRY_SECONDS)

    def _give_work(self, standing: Standing) -> None:
        if standing.mirrored_in_seconds == 0:
            self._comparable.set()
        if standing.waiting:
            self._call_lane()

    def _patience(self, standing: Standing, until: float) -> float:
        waits = [WATCH_SECONDS, self._settings.drainer_lease_ms / 3000, until - monotonic()]
        moments = (standing.next_in_seconds, standing.mirrored_in_seconds)
        waits += [moment for moment in moments if moment is not None]
        return max(WATCH_SECONDS if self._pause.is_on else GATHER_SECONDS, min(waits))

    def _keep_leases(self, *, overdue: bool) -> None:
        """Extend what is in flight, up to the handler's time-out, and take back what others left lying."""
        now, lease = monotonic(), self._settings.lease_ms
        with self._lock:
            flights = list(self._flights.values())
        for flight in flights:
            alive = (now - flight.since) * 1000 < self._settings.handler_timeout_ms
            if alive and (now - flight.extended_at) * 1000 > lease / 3:
                buffer.extend(flight.claim.token, lease)
                flight.extended_at = now
        if overdue or now - self._reclaimed_at >= RECLAIM_SECONDS:
            self._reclaimed_at = now
            buffer.reclaim()

    def _finish(self, lanes: list[threading.Thread]) -> None:
        self._closing.set()
        for _ in lanes:
            self._calls.release()
        deadline = monotonic() + self._settings.shutdown_timeout_seconds
        for lane in lanes:
            lane.join(max(0.0, deadline - monotonic()))
        with self._lock:
            left = list(self._flights.values())
        for flight in left:
            # Safe even if the batch commits after this: materialising is idempotent on the id.
            logger.error("mollifier.claim_given_back", extra={"count": len(flight.claim.entries)})
            self._settle(flight.claim.token, [Requeue(each.id, 0, False, "stopped") for each in flight.claim.entries])

    # The lanes.

    def _call_lane(self) -> None:
        """Have one idle lane look for work; the others find theirs when a claim is full."""
        with self._lock:
            if self._idle_lanes:
                self._idle_lanes -= 1
                self._calls.release()

    def _lane(self) -> None:
        try:
            while not self._closing.is_set():
                with self._lock:
                    self._idle_lanes += 1
                self._calls.acquire()
                self._work_off()
        finally:
            connections.close_all()

    def _work_off(self) -> None:
        """Take claims until there is nothing left; a claim whose reply was lost is asked for by its token again."""
        token = uuid.uuid4().hex
        while not self._closing.is_set():
            wait = self._pause.enter()
            if wait:
                self._closing.wait(wait)
                continue
            if self._comparable.is_set():
                self._compare()
            try:
                claim = buffer.claim(token, self._settings.claim_entries, self._settings.lease_ms)
            except BufferUnavailable as error:
                logger.warning("mollifier.claim_failed", extra={"error": str(error)})
                self._pause.failed()
                continue
            if not claim.entries and not claim.unreadable:
                self._pause.nothing_found()
                return
            if len(claim.entries) >= self._settings.claim_entries:
                self._call_lane()
            self._handle(claim)
            token = uuid.uuid4().hex

    def _compare(self) -> None:
        """Compare mirrored entries that are due; one lane at a time has enough to do with them."""
        self._comparable.clear()
        close_old_connections()
        try:
            found = mirror.compare(self._materialiser)
        except Exception as error:  # noqa: BLE001 - they are due again in a minute, and claims must not wait
            logger.warning("mollifier.not_compared", extra={"error": f"{type(error).__name__}: {error}"})
            return
        with self._lock:
            self.report.compared += sum(found.values())

    def _handle(self, claim: Claim) -> None:
        with self._lock:
            self._flights[claim.token] = Flight(claim)
            self.report.claims += 1
        try:
            close_old_connections()
            verdicts = batch.run(claim, self._materialiser, self._judge)
            (self._pause.failed if verdicts.unavailable else self._pause.succeeded)()
            with self._lock:
                self.report.buried += verdicts.buried
            self._settle_patched(claim.token, self._settle(claim.token, verdicts.reports))
        finally:
            with self._lock:
                self._flights.pop(claim.token, None)

    def _settle(self, token: str, reports: "tuple[Report, ...] | list[Report]") -> list[Report]:
        """Settle, trying again while Redis is away; return the reports that met a newer patch."""
        for _ in range(SETTLE_TRIES):
            try:
                answers = buffer.settle(token, reports)
            except BufferUnavailable as error:
                logger.warning("mollifier.settle_failed", extra={"error": str(error)})
                sleep(RETRY_SECONDS)
                continue
            self._count(answers)
            return [report for report, answer in zip(reports, answers, strict=True) if answer is Settlement.PATCHED]
        return []

    def _settle_patched(self, token: str, patched: list[Report]) -> None:
        """Apply patches that came while the entry was being written: materialise it again as it is now."""
        for _ in range(PATCH_ROUNDS):
            if not patched:
                return
            again = Claim(token, tuple(buffer.leased([report.id for report in patched])))
            patched = self._settle(token, batch.run(again, self._materialiser, self._judge).reports)

    def _count(self, answers: list[Settlement]) -> None:
        with self._lock:
            self.report.settled += answers.count(Settlement.SETTLED)
            self.report.requeued += answers.count(Settlement.REQUEUED)
            self.report.failed += answers.count(Settlement.FAILED)
            self.report.lost += answers.count(Settlement.LOST_LEASE)
