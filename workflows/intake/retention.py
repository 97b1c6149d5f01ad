"""Keep finished instances for as long as the settings say: in bounded passes, each going on where one ended."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import structlog

from workflows import conf
from workflows.audit import Act, Actor
from workflows.cleanup import acts, finished, locks
from workflows.cleanup.acts import Work
from workflows.cleanup.batches import FIRST
from workflows.cleanup.batches import Walk as How
from workflows.cleanup.finished import Selection
from workflows.cleanup.locks import LockHeld
from workflows.intake import clearing
from workflows.intake.lookup import LookupUnavailable
from workflows.models import Walk

log = structlog.get_logger(__name__)

NAME = "retention"
ACTOR = Actor("schedule")


def apply() -> int:
    """Delete what has been finished for too long, as much as one pass may; return how many. A schedule.

    While another pass is at work, or the buffer can't be asked, nothing is done; a later pass goes on.
    """
    limits = conf.current()
    if limits.retention_days <= 0:
        return 0
    selection = Selection(before=datetime.now(UTC) - timedelta(days=limits.retention_days))
    most = max(1, limits.retention_pass // limits.cleanup_batch)
    try:
        with locks.hold(NAME, {"pass": True}):
            return _pass(selection, most, limits.retention_days)
    except LockHeld:
        return 0
    except LookupUnavailable as error:
        log.warning("workflows.retention_put_off", code=error.code)
        return 0


def _pass(selection: Selection, most: int, days: float) -> int:
    """Go on where the last pass ended; where nothing is to be deleted, leave no record."""
    kept = Walk.objects.filter(name=NAME).values_list("after", flat=True).first()
    begin, following = finished.seek(selection, most, kept or FIRST)
    done = 0
    if begin is not None:
        act = Act(verb=NAME, actor=ACTOR, reason=f"Finished more than {days:g} days ago", filter={"days": days})

        def delete(record: int) -> Work:
            how = How(record=record, most=most)
            tally, deleted = finished.delete(selection, how, buffered=clearing.buffered_among, after=begin)
            return Work(tally, {**asdict(deleted), "before": selection.before.isoformat()})

        tally = acts.carry_out(act, delete).work.tally
        done, following = tally.done, tally.after
    Walk.objects.update_or_create(name=NAME, defaults={"after": following})
    return done
