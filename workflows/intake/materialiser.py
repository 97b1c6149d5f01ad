"""Make buffered entries instances: one transaction a batch, exactly once per id."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import UUID

import structlog
from django.db import connection, transaction

from mollifier.entry import Comparison, Entry, Faulty, Materialised, Outcome, Unavailable
from workflows import engine, faults, patch, steering, tracing
from workflows.faults import Fault
from workflows.intake import isolation, mirror, traced
from workflows.intake.isolation import Failed, Written
from workflows.rows import Draft, Ending
from workflows.snapshot import SnapshotFromFuture, SnapshotInvalid
from workflows.states import Status

log = structlog.get_logger(__name__)

LOCK_TIMEOUT = "2s"
STATEMENT_TIMEOUT = "10s"
# Together with one last statement below the drainer's handler time-out of 30 s.
BUDGET_SECONDS = 18.0
DEFAULT_CANCEL_REASON = "Cancelled while buffered"
ACTOR = "buffer"

SET_TIMEOUTS = "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)"


class InstanceMaterialiser:
    """The engine behind the mollifier's port; see mollifier.materialiser.Materialiser for the contract."""

    def materialise(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """Write the entries as instances; a cancelled one as a cancelled instance that never ran."""
        return _write(entries, _ending_of_cancelled)

    def bury(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """Write the entries as system failures that keep all they carried."""
        return _write(entries, _ending_of_failed)

    def compare(self, entries: Sequence[Entry]) -> Mapping[UUID, Comparison]:
        """Compare mirrored entries with the rows that were started directly."""
        return mirror.compare(entries)


def _ending_of_cancelled(entry: Entry) -> Ending | None:
    if entry.cancel_reason is None:
        return None
    return Ending(Status.CANCELLED, "cancelled", entry.cancel_reason or DEFAULT_CANCEL_REASON)


def _ending_of_failed(entry: Entry) -> Ending | None:
    return _ending_of_cancelled(entry) or Ending(Status.SYSTEM_FAILURE, "not_materialised", entry.error or "unknown")


def _write(entries: Sequence[Entry], ending: Callable[[Entry], Ending | None]) -> list[Outcome]:
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    outcomes: list[Outcome] = []
    drafts: list[tuple[Entry, Draft]] = []
    for entry in entries:
        try:
            drafts.append((entry, Draft(patch.read(entry.snapshot, entry.patch), ending(entry))))
        except SnapshotInvalid as error:
            outcomes.append(Faulty(entry.id, f"{error.code}: {error}", final=True))
        except SnapshotFromFuture as error:
            outcomes.append(Faulty(entry.id, f"{error.code}: {error}", final=False))
    with tracing.batch("drain.batch", (draft.trigger.traceparent for _, draft in drafts), count=len(entries)):
        written = isolation.write([draft for _, draft in drafts], _write_batch, time.monotonic() + BUDGET_SECONDS)
        return outcomes + [_conclude(*pair, each) for pair, each in zip(drafts, written, strict=True)]


def _write_batch(drafts: Sequence[Draft]) -> Sequence[engine.Start]:
    """Write all or nothing: at first as if none was seen before, which is most often so, else looking at each."""
    if all(draft.is_plain for draft in drafts):
        try:
            with bounded_transaction():
                return engine.start_unseen(drafts)
        except engine.Taken:
            pass
    with bounded_transaction():
        return write_each(drafts)


def write_each(drafts: Sequence[Draft]) -> Sequence[engine.Start]:
    """Write drafts inside the caller's transaction, looking at each; one that lost its key is written as superseded."""
    results = engine.start_many(drafts)
    engine.start_many([_superseded(*pair) for pair in zip(drafts, results, strict=True) if _lost_its_key(pair[1])])
    return results


@contextmanager
def bounded_transaction() -> Iterator[None]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(SET_TIMEOUTS, [LOCK_TIMEOUT, STATEMENT_TIMEOUT])
        yield


def _lost_its_key(result: engine.Start) -> bool:
    return isinstance(result, engine.ExistingInstance) and result.by_key


def _superseded(draft: Draft, result: engine.Start) -> Draft:
    message = f"Its idempotency key belongs to {result.id}."
    return Draft(draft.trigger, Ending(Status.SUPERSEDED, "superseded", message, superseded_by=result.id))


def _conclude(entry: Entry, draft: Draft, written: Written) -> Outcome:
    match written:
        case engine.Started():
            traced.begun(draft.trigger, written)
            return Materialised(entry.id)
        case engine.ExistingInstance(by_key=True):
            return Materialised(entry.id)
        case engine.ExistingInstance():
            return _catch_up(entry)
        case Failed(fault, error):
            return _failed(entry, fault, error)


def _catch_up(entry: Entry) -> Outcome:
    """Bring a row up to what became of its entry after it was written; most often that is nothing."""
    try:
        if entry.patch:
            with bounded_transaction():
                steering.amend(patch.read(entry.snapshot, entry.patch), actor=ACTOR)
        if entry.cancel_reason is not None:
            outcome = engine.cancel(entry.id, entry.cancel_reason or DEFAULT_CANCEL_REASON, actor=ACTOR)
            log.info("workflows.materialised_cancelled", instance_id=str(entry.id), outcome=type(outcome).__name__)
    except Exception as error:  # noqa: BLE001 - as for the rows: one entry's failure is no other's
        return _failed(entry, faults.classify(error), error)
    return Materialised(entry.id)


def _failed(entry: Entry, fault: Fault, error: BaseException) -> Outcome:
    told = faults.told(error)
    if fault is not Fault.UNAVAILABLE:
        ids = {"instance_id": str(entry.id), "org_id": entry.scope.org, "env_id": entry.scope.env}
        log.error("workflows.entry_not_materialised", **ids, fault=fault.value, error=told)
    match fault:
        case Fault.UNAVAILABLE:
            return Unavailable(entry.id, told)
        case Fault.INVALID:
            return Faulty(entry.id, told, final=True)
        case Fault.UNKNOWN:
            return Faulty(entry.id, told, final=False)
