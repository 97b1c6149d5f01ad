"""One claim through the materialiser: what is reported of each entry. Settling is the caller's."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from msgspec.structs import replace

from mollifier import backoff
from mollifier.conf import Conf
from mollifier.entry import Claim, Entry, Fail, Faulty, Materialised, Outcome, Report, Requeue, Settle, Unavailable
from mollifier.materialiser import Materialiser

logger = logging.getLogger(__name__)
# Lapses after which an entry is claimed alone; any further one is its own doing.
LAPSES_TOGETHER = 2


@dataclass(frozen=True, slots=True)
class Verdicts:
    """A report of each entry; `unavailable` when the store, not an entry, was at fault; `buried` counts failures."""

    reports: tuple[Report, ...]
    unavailable: bool
    buried: int


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides on retries. `now` is the wall clock, since first failures are stored as such."""

    settings: Conf
    dice: Random
    now: Callable[[], datetime]

    def is_exhausted(self, entry: Entry, attempts: int) -> bool:
        """Tell whether the attempts and the time for them are both spent."""
        first = entry.first_failed_at
        period = timedelta(seconds=self.settings.retry_period_seconds)
        return attempts >= self.settings.attempts and first is not None and self.now() - first >= period

    def is_poison(self, entry: Entry) -> bool:
        """Tell whether its drainers died of it alone, so that it must not be tried again."""
        return entry.lapses > LAPSES_TOGETHER and self.is_exhausted(entry, entry.attempts)

    def retry(self, entry: Entry, error: str) -> Requeue:
        attempts = entry.attempts + 1
        wait = backoff.delay(attempts, self.settings.retry_base_ms, self.settings.retry_cap_ms, self.dice)
        return Requeue(entry.id, round(wait), spend_attempt=True, error=error)


def run(claim: Claim, materialiser: Materialiser, judge: Judge) -> Verdicts:
    """Write the claim's entries; those that can't become an instance are written as failures."""
    poison = [replace(entry, error=entry.error or "its drainer died each time") for entry in claim.entries
              if judge.is_poison(entry)]  # fmt: skip
    hopeless = {entry.id for entry in poison}
    healthy = [entry for entry in claim.entries if entry.id not in hopeless]
    reports: list[Report] = [Fail(each.id, each.error) for each in claim.unreadable]
    to_bury: list[Entry] = [*poison]
    unavailable = False
    for entry, outcome in _outcomes(materialiser.materialise, healthy):
        match outcome:
            case Materialised():
                reports.append(Settle(entry.id, entry.patch_version))
            case Unavailable(error=error):
                unavailable = True
                reports.append(Requeue(entry.id, 0, spend_attempt=False, error=error))
            case Faulty(error=error, final=final):
                if final or judge.is_exhausted(entry, entry.attempts + 1):
                    to_bury.append(replace(entry, error=error))
                else:
                    reports.append(judge.retry(entry, error))
    burials = [_burial(entry, outcome) for entry, outcome in _outcomes(materialiser.bury, to_bury)]
    buried = sum(isinstance(report, Settle) for report in burials)
    unavailable = unavailable or any(isinstance(report, Requeue) for report in burials)
    return Verdicts((*reports, *burials), unavailable, buried)


def _burial(entry: Entry, outcome: Outcome) -> Report:
    match outcome:
        case Materialised():
            return Settle(entry.id, entry.patch_version)
        case Unavailable(error=error):
            return Requeue(entry.id, 0, spend_attempt=False, error=error)
        case Faulty(error=error):
            logger.error(
                "mollifier.entry_dead",
                extra={
                    "instance_id": str(entry.id),
                    "org_id": entry.scope.org,
                    "env_id": entry.scope.env,
                    "error": entry.error,
                    "burial": error,
                },
            )
            return Fail(entry.id, f"{entry.error}; not even a failure could be written: {error}")


def _outcomes(
    write: Callable[[Sequence[Entry]], Sequence[Outcome]], entries: Sequence[Entry]
) -> list[tuple[Entry, Outcome]]:
    """Pair each entry with its outcome; what the port promises not to do counts as a fault that may pass."""
    if not entries:
        return []
    try:
        by_id = {outcome.id: outcome for outcome in write(entries)}
    except Exception as error:
        logger.exception("mollifier.materialiser_raised", extra={"count": len(entries)})
        by_id = {}
        missing = f"{type(error).__name__}: {error}"
    else:
        missing = "the materialiser gave no outcome"
    return [(entry, by_id.get(entry.id) or Faulty(entry.id, missing, final=False)) for entry in entries]
