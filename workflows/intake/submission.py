"""THE one way in: every source hands its triggers to `submit` or `submit_many`.

Preflight, the damper for what comes from an event, admit, then start what passes. A mollified trigger of any other
source costs one exchange with Redis and no SQL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import django.db
import structlog
from django.db import connection

from mollifier import decision, gate
from mollifier.decision import Decision, Left, Mode, Passed, Reason
from workflows import engine, faults
from workflows.faults import Fault
from workflows.intake import admission, damper, isolation, lookup, preflight, traced, view
from workflows.intake.isolation import Failed
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.outcome import (
    Buffered,
    Existing,
    Full,
    InProgress,
    Mismatch,
    Quota,
    Rejected,
    Started,
    Submission,
    Throttled,
    Unavailable,
)
from workflows.intake.preflight import Ready
from workflows.intake.view import BUFFERED, Notice
from workflows.rows import Draft
from workflows.states import Status
from workflows.trigger import Request, fingerprint

__all__ = [
    "Buffered",
    "Existing",
    "Full",
    "InProgress",
    "Mismatch",
    "Quota",
    "Rejected",
    "Started",
    "Submission",
    "Throttled",
    "Unavailable",
    "submit",
    "submit_many",
]

log = structlog.get_logger(__name__)

# A bound id that is found nowhere may still be on its way this long; then the key may be taken over.
BINDING_GRACE_MS = 30_000


@traced.trigger
def submit(request: Request) -> Submission:
    """Take one trigger in; idempotent on its id and its key."""
    ready = preflight.check(request)
    if not isinstance(ready, Ready):
        return ready
    return _damp([ready])[0] if damper.asks(ready) else _conclude(ready, admission.ask(ready.arrival))


@traced.triggers
def submit_many(requests: Sequence[Request]) -> list[Submission]:
    """Take triggers in that stand for themselves, and answer in their order.

    What passes is started before what names an earlier one is looked up, since that may be of the same batch.
    """
    checked = [preflight.check(request) for request in requests]
    ready = {index: each for index, each in enumerate(checked) if isinstance(each, Ready) and not damper.asks(each)}
    decided = dict(zip(ready, admission.ask_many([each.arrival for each in ready.values()]), strict=True))
    passed = {index: each for index, each in ready.items() if isinstance(decided[index], admission.STARTING)}
    done = _start_many(passed, decided)
    for index, each in ready.items():
        if index not in done:
            done[index] = _conclude(each, decided[index])
    counted = {index: each for index, each in enumerate(checked) if isinstance(each, Ready) and index not in ready}
    done |= zip(counted, _damp(list(counted.values())), strict=True)
    return [each if not isinstance(each, Ready) else done[index] for index, each in enumerate(checked)]


def _damp(waiting: Sequence[Ready]) -> list[Submission]:
    """Take in triggers that come from events, as far as there is room in their groups."""
    if not waiting:
        return []
    return [_damped(*each) for each in zip(waiting, admission.damped(waiting), strict=True)]


def _damped(ready: Ready, taken: admission.Taken | Failed) -> Submission:
    if isinstance(taken, Failed):
        return _start_failed(ready, taken)
    try:
        return _concluded(ready, taken.answer, taken.start)
    except django.db.Error as error:
        return _start_failed(ready, Failed(isolation.fault_of(error), error))


def _concluded(ready: Ready, decided: admission.Answer, result: engine.Start | None) -> Submission:
    match decided:
        case damper.Refused(outcome):
            return outcome
        case damper.Known(id_):
            return _owned(ready, id_)
        case decision.NoRoom():
            damper.suppress_at_gate(ready)
            return _conclude(ready, decided)
        case _:
            return _started(ready, result, decided) if result else _conclude(ready, decided)


def _conclude(ready: Ready, decided: Decision) -> Submission:
    match decided:
        case decision.Mollify():
            return _buffered(ready, decided)
        case decision.PassThrough() | decision.ShadowLog() | decision.Mirrored():
            return _start(ready, decided)
        case decision.DuplicateSend(id_, accepted):
            return _again(ready, id_, accepted=accepted)
        case decision.Existing(id_, bound_for_ms):
            return _existing(ready, id_, bound_for_ms)
        case refused:
            return _refused(refused)


def _refused(decided: decision.Mismatch | decision.NoRoom | decision.Full) -> Submission:
    match decided:
        case decision.Mismatch(id_):
            return Mismatch(id_)
        case decision.NoRoom(buffered):
            return Throttled("throttled_event_backlog", f"Its group has no room left; {buffered} of it are buffered.")
        case decision.Full(level, retry_after_seconds):
            return Full(level, retry_after_seconds)


def _buffered(ready: Ready, decided: decision.Mollify) -> Buffered:
    """Answer for an accepted entry."""
    notice = Notice(decided.reason.value, view.WAITS_ITS_TURN, decided.position, decided.eta_seconds)
    quota = _quota(ready, Left(0, round(decided.eta_seconds * 1000)))
    return Buffered(view.from_trigger(ready.env, ready.trigger, BUFFERED, notice=notice), quota=quota)


def _quota(ready: Ready, left: Left | None) -> Quota | None:
    limit = ready.arrival.rollout.limits.env
    if left is None or not limit.count or ready.arrival.rollout.effective is not Mode.ON:
        return None
    return Quota(limit.count, limit.window_ms, left.passes, left.free_in_ms)


def _start(ready: Ready, decided: Decision) -> Submission:
    """Write the row now; while the database is away an org that is on has it buffered instead."""
    try:
        result = traced.start(ready.trigger)
    except (django.db.Error, UnicodeError, engine.StartContended) as error:
        return _start_failed(ready, Failed(isolation.fault_of(error), error))
    return _started(ready, result, decided)


def _start_many(passed: Mapping[int, Ready], decided: Mapping[int, Decision]) -> dict[int, Submission]:
    drafts = [Draft(each.trigger) for each in passed.values()]
    written = traced.start_many(drafts)
    outcomes: dict[int, Submission] = {}
    for (index, each), done in zip(passed.items(), written, strict=True):
        match done:
            case Failed() as failed:
                outcomes[index] = _start_failed(each, failed)
            case result:
                outcomes[index] = _started(each, result, decided[index])
    return outcomes


def _started(ready: Ready, result: engine.Start, decided: Decision) -> Submission:
    failed_open = decided == decision.PassThrough(Passed.FAIL_OPEN)
    match result:
        case engine.Started():
            now = datetime.now(UTC)
            instance = view.from_trigger(ready.env, ready.trigger, Status.PENDING.value, created_at=now)
            left = decided.left if isinstance(decided, decision.PassThrough) else None
            return Started(instance, failed_open, quota=_quota(ready, left))
        case engine.ExistingInstance(id_, by_key):
            if by_key:
                _release(ready)
            owned = _owned(ready, id_)
            if isinstance(owned, Existing) and owned.instance.accepted_at == ready.trigger.accepted_at:
                # Only the gate's answer was lost: it was accepted, and drained before it could be started here.
                return Started(owned.instance, failed_open)
            return owned


def _start_failed(ready: Ready, failed: Failed) -> Submission:
    """Decide what becomes of a trigger whose row was not written, or not certainly."""
    fault, error = failed.fault, failed.error
    instance_id = str(ready.trigger.id)
    log.error("workflows.start_failed", instance_id=instance_id, fault=fault.value, error=faults.told(error))
    if fault is not Fault.UNAVAILABLE and faults.wrote_nothing(error):
        _release(ready)
    match fault:
        case Fault.UNAVAILABLE:
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
            return _divert(ready)
        case Fault.INVALID:
            return Rejected("trigger_invalid", "The database can't hold what the trigger carries.")
        case Fault.UNKNOWN:
            return Unavailable()


def _divert(ready: Ready) -> Submission:
    """Have the trigger buffered because the database is away; one that the damper counts has no room without it."""
    if damper.asks(ready) or ready.arrival.rollout.effective is not Mode.ON or not ready.arrival.bufferable:
        return Unavailable()
    decided = admission.ask(ready.arrival, force=Reason.DATABASE_UNAVAILABLE)
    if isinstance(decided, admission.STARTING):
        return Unavailable()
    return _conclude(ready, decided)


def _again(ready: Ready, id_: UUID, *, accepted: bool) -> Submission:
    """Answer a request that was sent before as it was answered then.

    One that passed is started under its first id: if the first sender did, or does so now, this finds its row.
    """
    if accepted:
        try:
            found = lookup.find(ready.env, id_)
        except (LookupUnavailable, django.db.Error):
            return Unavailable()
        return Buffered(found, again=True) if found else InProgress(id_)
    first = preflight.check(replace(ready.request, id=id_))
    outcome = _start(first, decision.PassThrough(Passed.ROOM)) if isinstance(first, Ready) else first
    match outcome:
        case Started(instance) | Existing(instance):
            return Started(instance, again=True)
        case other:
            return other


def _existing(ready: Ready, id_: UUID, bound_for_ms: int) -> Submission:
    """Show what the key's owner became; take the key over from one that is found nowhere any more."""
    try:
        found = lookup.find(ready.env, id_)
    except (LookupUnavailable, django.db.Error):
        return Unavailable()
    if found is not None:
        return Existing(found)
    if bound_for_ms < BINDING_GRACE_MS:
        return InProgress(id_)
    decided = admission.ask(ready.arrival, rebind_from=id_)
    return InProgress(id_) if isinstance(decided, decision.Existing) else _conclude(ready, decided)


def _owned(ready: Ready, id_: UUID) -> Submission:
    """Show the row that has this id or this key, if it was sent with the same body."""
    try:
        found = lookup.find(ready.env, id_)
    except (LookupUnavailable, django.db.Error):
        return Unavailable()
    if found is None:
        return InProgress(id_)
    sent = ready.trigger
    if sent.event_key is None and fingerprint(found.definition, found.payload) != fingerprint(
        sent.definition, sent.payload
    ):
        return Mismatch(id_)
    return Existing(found)


def _release(ready: Ready) -> None:
    """Give the key back that this id was bound to, since this id will not be."""
    arrival = ready.arrival
    if arrival.binding is not None and arrival.rollout.effective is Mode.ON:
        gate.release(arrival.scope, arrival.binding, arrival.id)
