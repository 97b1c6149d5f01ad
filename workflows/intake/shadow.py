"""The shadow report: what the gate would have mollified of an org, in words of its operators."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mollifier import conf, tally
from mollifier.errors import BufferUnavailable

DAYS = 7
MOST_DAYS = tally.MOST_DAYS
TOP = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowReport:
    """The last `days` days (UTC) of an org, today included; in mode off nothing is counted.

    `over` were over a limit (or had to be buffered, where the org is on), by `reasons`. `would_buffer` adds what order
    would have put behind those. The waits are of an imagined queue, drained at `drain_rate` (0: as fast as was last
    measured, 500 a second at least) for this org alone; None when nothing would have waited.
    """

    days: int
    since: datetime
    arrived: int
    over: int
    would_buffer: int
    trips: int
    failed_open: int
    full: int
    wait_p50_ms: float | None
    wait_p95_ms: float | None
    reasons: tuple[tuple[str, int], ...]
    definitions: tuple[tuple[str, int], ...]
    drain_rate: int

    @property
    def share(self) -> float:
        """The share of arrivals that would have been buffered, in percent."""
        return 100 * self.would_buffer / self.arrived if self.arrived else 0.0


def report(org_id: UUID, days: int = DAYS) -> ShadowReport | None:
    """Add up the days; None when Redis does not answer. At most REPORT_DAYS are kept, and MOST_DAYS added up."""
    settings = conf.current()
    days = max(1, min(days, settings.report_days, MOST_DAYS))
    try:
        found = tally.report(str(org_id), days, top=TOP)
    except BufferUnavailable:
        return None
    return ShadowReport(
        days=days,
        since=found.since,
        arrived=found.arrived,
        over=found.over,
        would_buffer=found.would_buffer,
        trips=found.trips,
        failed_open=found.failed_open,
        full=found.full,
        wait_p50_ms=found.wait_p50_ms,
        wait_p95_ms=found.wait_p95_ms,
        reasons=found.reasons,
        definitions=found.definitions,
        drain_rate=settings.drain_rate,
    )
