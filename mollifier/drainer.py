"""The drainer: claim, materialise, settle, with several claims in flight, while it leads.

One thread watches (the lead, wake-ups, leases); the lanes do the work.
"""

import gc
import logging
from collections.abc import Callable
from functools import cache
from random import Random
from time import monotonic

from mollifier import buffer
from mollifier.conf import Conf
from mollifier.errors import BufferUnavailable
from mollifier.lanes import DrainReport, Lanes
from mollifier.lead import Lead, Standing
from mollifier.materialiser import Materialiser

__all__ = ["DrainReport", "Drainer"]

logger = logging.getLogger(__name__)
WATCH_SECONDS = 1.0
RECLAIM_SECONDS = 5.0
# Nudges are answered at most this often, so that what comes meanwhile shares a claim.
GATHER_SECONDS = 0.02
RETRY_SECONDS = 0.5
# A drainer with so many times its lanes hanging leaves, so that its process can be started anew.
MOST_HUNG = 2


@cache
def spare_what_stays() -> None:
    """Have the garbage collector pass over all that is loaded by now, once a process.

    It lives as long as the process, and walking it for every 10,000 entries took a tenth of a drainer's time.
    """
    gc.freeze()


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
        self._settings, self._stop_requested = settings, stop_requested
        self._lead = Lead(settings.drainer_lease_ms)
        self._lanes = Lanes(self._lead.token, materialiser, settings, dice or Random())  # noqa: S311
        self._reclaimed_at = 0.0
        self.report = self._lanes.report

    def run(self, until: float, linger_seconds: float) -> DrainReport:
        """Drain until the monotonic time, a stop, or until the buffer was empty for `linger_seconds`.

        An instance runs once. What is in flight at the end is finished, or given back after SHUTDOWN_TIMEOUT.
        """
        if not self._lead.take().leads:
            return self.report
        self.report.led = True
        spare_what_stays()
        self._lanes.open()
        try:
            self._watch(until, linger_seconds)
        finally:
            self._lanes.close()
        try:
            self.report.waiting = self._lead.leave()
        except BufferUnavailable as error:
            # The lead lapses by itself.
            logger.warning("mollifier.lead_not_left", extra={"error": str(error)})
        return self.report

    def _watch(self, until: float, linger_seconds: float) -> None:
        busy_at = monotonic()
        while not self._stop_requested() and monotonic() < until and not self._hangs():
            try:
                standing = self._lead.take()
                if not standing.leads:
                    logger.warning("mollifier.lead_lost")
                    return
                self._keep_leases(overdue=standing.next_in_seconds == 0)
                if standing.waiting or self._lanes.flights.all():
                    busy_at = monotonic()
                elif monotonic() - busy_at >= linger_seconds:
                    return
                self._give_work(standing)
                if self._lead.wait_for_wake(self._patience(standing, until)):
                    self._lanes.call()
                    self._lanes.closing.wait(GATHER_SECONDS)
            except BufferUnavailable as error:
                logger.warning("mollifier.buffer_unavailable", extra={"error": str(error)})
                self._lanes.closing.wait(RETRY_SECONDS)

    def _give_work(self, standing: Standing) -> None:
        if standing.mirrored_in_seconds == 0:
            self._lanes.comparable.set()
        if standing.waiting:
            self._lanes.call()

    def _patience(self, standing: Standing, until: float) -> float:
        waits = [WATCH_SECONDS, self._settings.drainer_lease_ms / 3000, until - monotonic()]
        moments = (standing.next_in_seconds, standing.mirrored_in_seconds)
        waits += [moment for moment in moments if moment is not None]
        if self._lanes.flights.all():
            waits.append(self._settings.slow_batch_ms / 1000)
        return max(WATCH_SECONDS if self._lanes.pause.is_on else GATHER_SECONDS, min(waits))

    def _keep_leases(self, *, overdue: bool) -> None:
        """Look after what is in flight, and take back what others left lying."""
        now = monotonic()
        for flight in self._lanes.flights.all():
            self._lanes.look_after(flight, now)
        if overdue or now - self._reclaimed_at >= RECLAIM_SECONDS:
            self._reclaimed_at = now
            buffer.reclaim()

    def _hangs(self) -> bool:
        if self._lanes.flights.hung() < MOST_HUNG * self._settings.claims_in_flight:
            return False
        logger.error("mollifier.drainer_hangs")
        return True
