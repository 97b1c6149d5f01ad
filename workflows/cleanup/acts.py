"""The frame of every clean-up: one at a time, audited from before its first batch, ended whatever happens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import DatabaseError

from workflows import audit
from workflows.audit import Act, AuditOutcome
from workflows.cleanup import locks
from workflows.cleanup.batches import Tally
from workflows.cleanup.locks import LockHeld

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What the batches of an act came to; `detail` goes into the audit record."""

    tally: Tally
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """An act that has ended, and its audit record."""

    record: int
    outcome: AuditOutcome
    work: Work


def carry_out(act: Act, do: Callable[[int], Work], requested: int | None = None) -> Done:
    """Do it under the lock of its verb and filter; `do` gets the audit record that its batches count in.

    That is the one which was opened on request, where there is one.

    Raises:
        LockHeld: the same is being done now, or was begun since this was requested.
    """
    with locks.hold(act.verb, act.filter):
        if requested is not None and not audit.is_open(requested):
            raise LockHeld(f"another {act.verb} with this filter came first")
        record = audit.begin(act, requested)
        try:
            work = do(record)
        except BaseException as error:
            outcome = AuditOutcome.FAILED if isinstance(error, Exception) else AuditOutcome.INTERRUPTED
            _end(record, outcome, {"error": f"{type(error).__name__}: {error}"[:500]})
            raise
        outcome = outcome_of(work.tally)
        audit.end(record, outcome, told(work))
    log.info("workflows.cleaned_up", verb=act.verb, actor=act.actor.name, count=work.tally.done, outcome=outcome.value)
    return Done(record, outcome, work)


def outcome_of(tally: Tally) -> AuditOutcome:
    if tally.stopped:
        return AuditOutcome.INTERRUPTED
    return AuditOutcome.DONE if tally.complete else AuditOutcome.PARTLY


def told(work: Work) -> dict[str, Any]:
    return {"busy": work.tally.busy, "batches": work.tally.batches, "capped": work.tally.capped, **work.detail}


def _end(record: int, outcome: AuditOutcome, detail: Mapping[str, Any]) -> None:
    try:
        audit.end(record, outcome, detail)
    except DatabaseError as error:
        # The next act of this verb and filter closes the record.
        log.warning("workflows.audit_left_open", record_id=record, error=str(error))
