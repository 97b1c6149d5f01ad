"""Make and change schedules, for the API and the admin: what is wrong with one, told field by field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction

from workflows import audit, conf, cron
from workflows.audit import Act, Actor
from workflows.cron import CronInvalid, TimezoneUnknown
from workflows.intake import firing, paging, preflight, submission
from workflows.intake.firing import Fired
from workflows.intake.outcome import Rejected
from workflows.intake.paging import Page
from workflows.models import CatchUp, Environment, Overlap, Schedule

__all__ = [
    "Fault",
    "Schedule",
    "ScheduleRefused",
    "change",
    "create",
    "find",
    "find_faults",
    "listing",
    "run_now",
    "upcoming",
]

FIELDS = ("definition", "cron", "timezone", "payload", "overlap", "catch_up", "enabled")
# A payload may hold what is nobody's business; it is not kept in the audit.
NOTED = ("definition", "cron", "timezone", "overlap", "catch_up", "enabled")
# What says when it fires; the rest may change without the next fire moving.
TIMES = frozenset({"cron", "timezone", "enabled"})
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field, and what would be right."""

    field: str
    code: str
    message: str


class ScheduleRefused(Exception):
    """Nothing is made or changed; `faults` says why, at least one."""

    code = "schedule_invalid"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.message}" for fault in faults))
        self.faults = tuple(faults)


def listing(env_id: UUID, cursor: UUID | None = None, limit: int = 50) -> Page[Schedule]:
    """Return a page of the schedules below the cursor."""
    return paging.newest(Schedule.objects.filter(env_id=env_id), cursor, limit)


def find(env_id: UUID, id_: UUID) -> Schedule | None:
    return Schedule.objects.filter(env_id=env_id, id=id_).first()


def create(
    env_id: UUID, values: Mapping[str, Any], *, actor: Actor, reason: str, now: datetime | None = None
) -> Schedule:
    """Make a schedule of an environment, and record who did; its first fire is the next one from now.

    Raises:
        ScheduleRefused: see there.
    """
    made = Schedule(env_id=env_id, **values)
    faults = find_faults(made)
    with transaction.atomic():
        # The environment's row keeps two from counting to the same number.
        Environment.objects.select_for_update(no_key=True).get(id=env_id)
        most = conf.current().max_schedules
        if Schedule.objects.filter(env_id=env_id)[:most].count() >= most:
            faults.append(Fault("", "limit_exceeded", f"An environment may have {most} schedules."))
        if faults:
            raise ScheduleRefused(faults)
        _plan(made, now or datetime.now(UTC))
        made.save(force_insert=True)
        _note("create_schedule", made, actor, reason, {name: getattr(made, name) for name in NOTED})
    return made


def change(
    env_id: UUID, id_: UUID, values: Mapping[str, Any], *, actor: Actor, reason: str, now: datetime | None = None
) -> Schedule | None:
    """Set the given ones of FIELDS, and record who did; None when there is no such schedule.

    The next fire is reckoned anew when its time, zone or switch changed. What is queued goes when it is switched off,
    or queues no more.

    Raises:
        ScheduleRefused: see there.
    """
    with transaction.atomic():
        schedule = Schedule.objects.select_for_update().filter(env_id=env_id, id=id_).first()
        if schedule is None:
            return None
        moved = any(name in TIMES and getattr(schedule, name) != value for name, value in values.items())
        for name, value in values.items():
            setattr(schedule, name, value)
        if faults := find_faults(schedule):
            raise ScheduleRefused(faults)
        if not schedule.enabled or schedule.overlap != Overlap.QUEUE:
            schedule.queued_at = None
        if moved:
            _plan(schedule, now or datetime.now(UTC))
        schedule.save()
        _note("change_schedule", schedule, actor, reason, {name: values[name] for name in NOTED if name in values})
    return schedule


def run_now(schedule: Schedule, nonce: str, *, actor: Actor, reason: str) -> Fired:
    """Submit it at once, whatever its overlap policy says; the same nonce again makes nothing new.

    What is started so counts as its last instance.
    """
    key = f"schedule:{schedule.id}:now:{nonce}"
    fired = firing.fired_as(submission.submit(firing.request(schedule, key)))
    seen: dict[str, Any] = {"last_outcome": fired.outcome.value, "last_detail": fired.detail}
    if fired.instance_id is not None:
        seen |= {"last_instance": fired.instance_id, "last_at": datetime.now(UTC)}
    with transaction.atomic():
        Schedule.objects.filter(id=schedule.id).update(**seen)
        _note("run_schedule", schedule, actor, reason, {"outcome": fired.outcome.value})
    return fired


def find_faults(schedule: Schedule) -> list[Fault]:
    """Return everything that is wrong with what was asked for."""
    faults = [fault for fault in (_definition(schedule), _payload(schedule.payload)) if fault]
    for name, words in (("overlap", Overlap.values), ("catch_up", CatchUp.values)):
        if getattr(schedule, name) not in words:
            faults.append(Fault(name, "invalid_field", f"It is one of {', '.join(words)}."))
    try:
        cron.parse(schedule.cron, schedule.timezone)
    except CronInvalid as error:
        faults.append(Fault("cron", error.code, str(error)))
    except TimezoneUnknown as error:
        faults.append(Fault("timezone", error.code, str(error)))
        faults += _cron_alone(schedule.cron)
    return faults


def upcoming(schedule: Schedule, now: datetime | None = None, count: int = SHOWN) -> list[datetime]:
    """Return the next times it would fire, in its own zone; none when it can't be read."""
    try:
        times = cron.parse(schedule.cron, schedule.timezone)
    except (CronInvalid, TimezoneUnknown):
        return []
    return [at.astimezone(times.zone) for at in times.upcoming(now or datetime.now(UTC), count)]


def _cron_alone(expression: str) -> list[Fault]:
    try:
        cron.parse(expression)
    except CronInvalid as error:
        return [Fault("cron", error.code, str(error))]
    return []


def _definition(schedule: Schedule) -> Fault | None:
    """Refuse what could not start; one that is switched off may name what is gone."""
    if not schedule.enabled:
        return None
    match preflight.check(firing.request(schedule, "")):
        case Rejected(code, message):
            return Fault("definition", code, message)
        case _:
            return None


def _payload(payload: Any) -> Fault | None:
    most = conf.current().max_payload_bytes
    size = len(msgspec.json.encode(payload))
    if size > most:
        return Fault("payload", "payload_too_large", f"It may have {most} bytes; this one has {size}.")
    return None


def _plan(schedule: Schedule, now: datetime) -> None:
    """Reckon the next fire from now, and forget what was being tried."""
    times = cron.parse(schedule.cron, schedule.timezone)
    schedule.next_at = times.next_after(now) if schedule.enabled else None
    # What is queued does not wait for the next fire.
    schedule.wake_at = schedule.next_at if schedule.queued_at is None else now
    schedule.unsettled, schedule.attempts = False, 0


def _note(verb: str, schedule: Schedule, actor: Actor, reason: str, detail: Mapping[str, Any]) -> None:
    act = Act(
        verb=verb,
        actor=actor,
        reason=reason,
        filter={"schedule": str(schedule.id)},
        target=f"{schedule.definition} {schedule.cron}",
        org_id=schedule.env.org_id,
    )
    audit.note(act, **detail)
