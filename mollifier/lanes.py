"""The lanes: threads that claim, have entries written and settle them, one claim after another.

Lanes never wait for each other. A batch that takes too long gets a spare lane in its place, and the orgs in it are
claimed apart; one that takes longer than its handler may is given up, and what was in it comes back.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from time import monotonic, sleep

from django.db import close_old_connections, connections

from mollifier import batch, buffer, mirror
from mollifier.backoff import Pause
from mollifier.conf import Conf
from mollifier.entry import Claim, Report, Requeue, Settlement
from mollifier.errors import BufferUnavailable
from mollifier.flights import Flight, Flights
from mollifier.materialiser import Materialiser
from mollifier.pacing import Pace
from mollifier.suspects import Suspects

logger = logging.getLogger(__name__)
RETRY_SECONDS = 0.5
SETTLE_TRIES = 20
PATCH_ROUNDS = 3
# So many times the ordinary lanes are started in the place of late ones, and as many for orgs claimed apart.
SPARE = 2
LEAST_WAIT_SECONDS, MOST_WAIT_SECONDS = 0.02, 1.0


@dataclass
class DrainReport:
    """What one run did. Without `led` another drainer leads and nothing was done; `waiting` is what is left.

    `given_up` counts claims that took longer than a handler may, `hung` those of them that never came back.
    """

    led: bool = False
    claims: int = 0
    settled: int = 0
    requeued: int = 0
    failed: int = 0
    lost: int = 0
    buried: int = 0
    compared: int = 0
    given_up: int = 0
    hung: int = 0
    waiting: int = 0


class Lanes:
    """The threads of one drainer. `name` begins the token of each of its leases."""

    def __init__(self, name: str, materialiser: Materialiser, settings: Conf, dice: Random) -> None:
        self._name, self._materialiser, self._settings = name, materialiser, settings
        self._judge = batch.Judge(settings, dice, lambda: datetime.now(UTC))
        self.pause = Pause(settings.pause_base_ms / 1000, settings.pause_cap_ms / 1000, dice)
        self._pace = Pace(settings.claim_entries, settings.latency_target_ms)
        self._suspects = Suspects()
        self._lock = threading.Lock()
        self._calls = threading.Semaphore(0)
        self._idle = 0
        self._apart = 0
        self._threads: list[threading.Thread] = []
        self.closing = threading.Event()
        self.comparable = threading.Event()
        self.flights = Flights()
        self.report = DrainReport()

    def open(self) -> None:
        for _ in range(self._settings.claims_in_flight):
            self._start(self._lane)

    def call(self) -> None:
        """Have one idle lane look for work; the others find theirs when a claim is full."""
        with self._lock:
            if self._idle:
                self._idle -= 1
                self._calls.release()

    def look_after(self, flight: Flight, now: float) -> None:
        """Keep the lease of a flight, unless it is late or has to be given up."""
        settings = self._settings
        age = flight.age_ms(now)
        if age >= min(settings.slow_batch_ms, settings.handler_timeout_ms) and not flight.late:
            self._replace(flight)
        if age >= settings.handler_timeout_ms:
            self._give_up(flight)
        elif (now - flight.extended_at) * 1000 > settings.lease_ms / 3:
            buffer.extend(flight.claim.token, settings.lease_ms)
            flight.extended_at = now

    def close(self) -> None:
        """Finish what is in flight, or give it back after SHUTDOWN_TIMEOUT. What hangs is not waited for."""
        self.closing.set()
        deadline = monotonic() + self._settings.shutdown_timeout_seconds
        for _ in self._threads:
            self._calls.release()
        for thread in self._threads:
            while thread.is_alive() and not self.flights.hangs(thread) and monotonic() < deadline:
                thread.join(LEAST_WAIT_SECONDS)
        for flight in self.flights.all():
            # Safe even if the batch commits after this: materialising is idempotent on the id.
            logger.error("mollifier.claim_given_back", extra={"count": len(flight.claim.entries)})
            self._settle(flight.claim.token, [Requeue(each.id, 0, False, "stopped") for each in flight.claim.entries])
        self.report.hung = self.flights.hung()

    # Lanes that come and go.

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._threads = [*(each for each in self._threads if each.is_alive()), thread]
        thread.start()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            connections.close_all()

    def _replace(self, flight: Flight) -> None:
        """Put a spare lane in the place of a late one, and have the orgs in it claimed apart."""
        flight.late = True
        logger.warning("mollifier.batch_late", extra={"count": len(flight.claim.entries), "apart": bool(flight.apart)})
        spares = SPARE * self._settings.claims_in_flight
        if not flight.apart and self.flights.replaced() < spares:
            flight.replaced = True
            self._start(self._lane)
        self._suspects.add(flight.orgs())
        with self._lock:
            more = max(0, min(self._suspects.waiting(), spares - self._apart))
            self._apart += more
        for _ in range(more):
            self._start(self._lane_apart)

    def _give_up(self, flight: Flight) -> None:
        flight.given_up = True
        logger.error("mollifier.claim_given_up", extra={"count": len(flight.claim.entries)})
        buffer.give_up(flight.claim.token)
        with self._lock:
            self.report.given_up += 1
        if flight.apart:
            self._suspects.give_back(flight.apart, cleared=False)

    # What a lane does.

    def _lane(self) -> None:
        """Take claims until there is nothing left, then wait for a call; end when a spare lane took the place."""
        while not self.closing.is_set():
            with self._lock:
                self._idle += 1
            self._calls.acquire()
            while claim := self._claim():
                if len(claim.entries) >= self._pace.size:
                    self.call()
                if self._fly(Flight(claim)).replaced:
                    return

    def _lane_apart(self) -> None:
        """Serve the orgs that are suspected, each by itself, until none waits."""
        while not self.closing.is_set() and (org := self._suspects.take()):
            claim = self._claim(only=org)
            if claim is None:
                # It has nothing now; what it sends next is no better while its late batch is still on its way.
                late = self.flights.is_late(org)
                self._suspects.give_back(org, cleared=not late)
                self.closing.wait(self._settings.slow_batch_ms / 1000 if late else 0)
                continue
            flight = self._fly(Flight(claim, apart=org))
            if not flight.given_up:
                quick = flight.age_ms(monotonic()) < self._settings.slow_batch_ms
                self._suspects.give_back(org, cleared=quick)
        with self._lock:
            self._apart -= 1

    def _claim(self, only: str | None = None) -> Claim | None:
        """Claim until there is an answer: None when there is nothing to take, or a stop.

        A claim whose reply was lost is asked for by its token again.
        """
        token = f"{self._name}.{uuid.uuid4().hex}"
        while not self.closing.is_set():
            wait = self.pause.enter()
            if not wait:
                if self.comparable.is_set():
                    self._compare()
                try:
                    without = () if only else self._suspects.names()
                    claim = buffer.claim(token, self._pace.size, self._settings.lease_ms, only=only, without=without)
                except BufferUnavailable as error:
                    logger.warning("mollifier.claim_failed", extra={"error": str(error)})
                    self.pause.failed()
                    continue
                except Exception:
                    # What is under the lease comes back when that ends; the lane must be there for it.
                    logger.exception("mollifier.claim_unreadable")
                    self.pause.failed()
                    return None
                if claim.entries or claim.unreadable:
                    return claim
                self.pause.nothing_found()
                if not claim.wait_seconds:
                    return None
                wait = max(LEAST_WAIT_SECONDS, claim.wait_seconds)
            self.closing.wait(min(wait, MOST_WAIT_SECONDS))
        return None

    def _compare(self) -> None:
        """Compare mirrored entries that are due; one lane at a time has enough to do with them."""
        self.comparable.clear()
        close_old_connections()
        try:
            found = mirror.compare(self._materialiser)
        except Exception as error:  # noqa: BLE001 - they are due again in a minute, and claims must not wait
            logger.warning("mollifier.not_compared", extra={"error": f"{type(error).__name__}: {error}"})
            return
        with self._lock:
            self.report.compared += sum(found.values())

    def _fly(self, flight: Flight) -> Flight:
        """Have a claim written, and settle it."""
        self.flights.add(flight)
        with self._lock:
            self.report.claims += 1
        try:
            close_old_connections()
            began = monotonic()
            verdicts = batch.run(flight.claim, self._materialiser, self._judge)
            if verdicts.unavailable:
                self.pause.failed()
            else:
                self.pause.succeeded()
                self._pace.wrote(len(flight.claim.entries), began)
            with self._lock:
                self.report.buried += verdicts.buried
            token = flight.claim.token
            self._settle_patched(token, self._settle(token, verdicts.reports))
        except Exception:
            # A lane outlives whatever one claim does; its entries come back when their lease ends.
            logger.exception("mollifier.lane_failed", extra={"count": len(flight.claim.entries)})
        finally:
            self.flights.remove(flight)
        return flight

    def _settle(self, token: str, reports: Sequence[Report]) -> list[Report]:
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
        # Changed without end: claimed again later, and not kept until its lease lapses.
        self._settle(token, [Requeue(report.id, 0, spend_attempt=False, error="") for report in patched])

    def _count(self, answers: Sequence[Settlement]) -> None:
        with self._lock:
            self.report.settled += answers.count(Settlement.SETTLED)
            self.report.requeued += answers.count(Settlement.REQUEUED)
            self.report.failed += answers.count(Settlement.FAILED)
            self.report.lost += answers.count(Settlement.LOST_LEASE)
