"""One fire of a schedule: whether it may start something, and what became of it. Values; `schedules` does the rest."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from workflows import conf
from workflows.intake import outcome as submitted
from workflows.intake.outcome import Submission
from workflows.models import CatchUp, Overlap, Schedule
from workflows.trigger import Request, Source

PAYLOAD_CHANGED = "The payload was changed after it was started."
STORE_AWAY = "It can't be told now whether the instance before has finished."


class Outcome(StrEnum):
    """What became of a fire."""

    STARTED = "started"
    BUFFERED = "buffered"
    EXISTING = "existing"
    SKIPPED = "skipped"
    QUEUED = "queued"
    MISSED = "missed"
    REJECTED = "rejected"
    DEFERRED = "deferred"


@dataclass(frozen=True, slots=True)
class Fire:
    """A schedule's fire for one time. `waited`: it was queued behind the instance before."""

    schedule: Schedule
    at: datetime
    waited: bool = False


@dataclass(frozen=True, slots=True)
class Fired:
    """How a fire ended. A deferred one is tried again, in `retry_after_seconds` at the soonest.

    `certain`: whether it is known what became of it; when not, the same fire must be tried again before any other.
    """

    outcome: Outcome
    detail: str = ""
    instance_id: UUID | None = None
    retry_after_seconds: int = 0
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Submit:
    """It may start something."""

    fire: Fire


@dataclass(frozen=True, slots=True)
class Settled:
    """It ended without starting anything."""

    fire: Fire
    fired: Fired


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is due, or only a fire that waits and must go on to."""

    schedule: Schedule


Verdict = Submit | Settled | Wait


def judge(schedule: Schedule, now: datetime, busy: bool | None) -> Verdict:
    """Decide about a schedule that is looked at; `busy`: its last instance has not finished, None: nobody knows."""
    if schedule.queued_at is not None:
        return _judge_waiting(schedule, Fire(schedule, schedule.queued_at, waited=True), now, busy)
    if schedule.next_at is None or schedule.next_at > now:
        return Wait(schedule)
    fire = Fire(schedule, schedule.next_at)
    if schedule.unsettled:
        return Submit(fire)
    if _is_missed(schedule, fire.at, now):
        return Settled(fire, Fired(Outcome.MISSED, "It was due while nothing ran, and is not made up for."))
    return _judge_overlap(schedule, fire, busy)


def _judge_overlap(schedule: Schedule, fire: Fire, busy: bool | None) -> Submit | Settled:
    if schedule.overlap == Overlap.ALLOW or busy is False:
        return Submit(fire)
    if busy is None:
        return Settled(fire, Fired(Outcome.DEFERRED, STORE_AWAY))
    if schedule.overlap == Overlap.QUEUE:
        return Settled(fire, Fired(Outcome.QUEUED, "It starts when the instance before has finished."))
    return Settled(fire, Fired(Outcome.SKIPPED, "The instance before has not finished."))


def _judge_waiting(schedule: Schedule, waiting: Fire, now: datetime, busy: bool | None) -> Verdict:
    if busy is None:
        return Settled(waiting, Fired(Outcome.DEFERRED, STORE_AWAY))
    if not busy:
        return Submit(waiting)
    if schedule.next_at is None or schedule.next_at > now:
        return Wait(schedule)
    return Settled(Fire(schedule, schedule.next_at), Fired(Outcome.SKIPPED, "One waits already."))


def _is_missed(schedule: Schedule, at: datetime, now: datetime) -> bool:
    late = now - at > timedelta(seconds=conf.current().schedule_grace_seconds)
    return schedule.catch_up == CatchUp.NONE and not schedule.attempts and late


def key_of(schedule_id: UUID, at: datetime) -> str:
    """Name a fire: whoever submits it, however often, makes one instance."""
    return f"schedule:{schedule_id}:{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def request(schedule: Schedule, key: str) -> Request:
    """Make the request of a fire."""
    return Request(
        org_id=UUID(str(schedule.env.org_id)),
        env_id=schedule.env.id,
        definition=schedule.definition,
        payload=msgspec.json.encode(schedule.payload),
        source=Source.SCHEDULE,
        idempotency_key=key,
    )


def fired_as(outcome: Submission) -> Fired:
    """Say what a submission means for the fire."""
    match outcome:
        case submitted.Started(instance):
            return Fired(Outcome.STARTED, instance_id=instance.id)
        case submitted.Buffered(instance):
            return Fired(Outcome.BUFFERED, instance_id=instance.id)
        case submitted.Existing(instance):
            return Fired(Outcome.EXISTING, instance_id=instance.id)
        case submitted.Mismatch(id_):
            return Fired(Outcome.EXISTING, PAYLOAD_CHANGED, id_)
        case submitted.Rejected(_, message):
            return Fired(Outcome.REJECTED, message)
        case refused:
            return _deferred(refused)


def _deferred(
    outcome: submitted.InProgress | submitted.Throttled | submitted.Full | submitted.Unavailable,
) -> Fired:
    match outcome:
        case submitted.Throttled(_, message, seconds):
            return Fired(Outcome.DEFERRED, message, retry_after_seconds=seconds)
        case submitted.Full(level, seconds):
            return Fired(Outcome.DEFERRED, f"The buffer is full ({level}).", retry_after_seconds=seconds)
        case submitted.InProgress(_, seconds):
            return Fired(Outcome.DEFERRED, "It is on its way.", retry_after_seconds=seconds, certain=False)
        case submitted.Unavailable(seconds):
            detail = "Neither the database nor the buffer took it."
            return Fired(Outcome.DEFERRED, detail, retry_after_seconds=seconds, certain=False)
