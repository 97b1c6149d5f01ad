"""Fire what is due by the clock: one bounded pass each minute, by as many processes as like to.

A schedule is taken by a write that holds it for a while, its fire is handed to `submit` under a key of its own, and
settled by another write. Who dies between leaves it held; later it is tried again under the same key: one instance.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import django.db
import structlog
from django.db import transaction
from django.db.models import Min

from mollifier import backoff, cluster
from workflows import conf, cron, eventlog
from workflows.intake import firing, lookup, refresher, submission
from workflows.intake.firing import Fire, Fired, Outcome, Settled, Submit, Wait
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.refresher import DirectoryUnavailable
from workflows.models import Overlap, Schedule
from workflows.states import FINISHED

log = structlog.get_logger(__name__)

# How long a wait may last before it looks whether the process is to stop.
HOP_SECONDS = 0.25
# What becomes of a schedule whose times could be read when it was made, and can't any more.
UNREADABLE = (cron.CronInvalid, cron.TimezoneUnknown)
OFF: Mapping[str, Any] = {"enabled": False, "next_at": None, "queued_at": None, "wake_at": None}
COUNT = """
INSERT INTO workflows_schedulefires AS f (outcome, total)
SELECT * FROM unnest(%s::text[], %s::bigint[])
ON CONFLICT (outcome) DO UPDATE SET total = f.total + excluded.total RETURNING 1"""
_dice = Random()  # noqa: S311 - spreads retries
_pause = threading.Event()


@dataclass(slots=True)
class Report:
    """What a pass did: how many schedules it looked at, and how their fires ended."""

    taken: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


def run() -> dict[str, Any]:
    """Fire what is due, and what comes due while this may wait; what django-q2 runs each minute."""
    until = datetime.now(UTC) + timedelta(seconds=conf.current().schedule_wait_seconds)
    report = run_until(until, cluster.stop_requested)
    return {"taken": report.taken, "outcomes": dict(report.outcomes)}


def run_until(until: datetime, stop: Callable[[], bool] = lambda: False) -> Report:
    """Fire what is due, wait for what comes due before `until`, and return when nothing more does."""
    limits, report = conf.current(), Report()
    for _ in range(limits.schedule_rounds):
        done = fire_due(datetime.now(UTC))
        report.taken += done.taken
        report.outcomes.update(done.outcomes)
        if stop() or datetime.now(UTC) >= until:
            break
        if done.taken < limits.schedule_batch and not _wait_for_next(until, stop):
            break
    return report


def fire_due(now: datetime) -> Report:
    """Take one batch of what is due at a moment, fire it and settle it."""
    until = now + timedelta(seconds=conf.current().schedule_lease_seconds)
    taken, counts = _take(now, until)
    busy = _find_busy(taken)
    settled: list[tuple[Fire, Fired]] = []
    fires: list[Fire] = []
    for schedule in taken:
        match firing.judge(schedule, now, busy[schedule.id]):
            case Submit(fire):
                fires.append(fire)
            case Settled(fire, fired):
                settled.append((fire, fired))
            case Wait():
                _change(schedule, until, wake_at=_soonest(schedule, now))
    for fire, fired in [*settled, *_submit(fires, until)]:
        settle(fire, fired, now, until)
        counts[fired.outcome.value] += 1
    if counts:
        # By name: passes that count the same at once must not wait for each other in a ring.
        names = sorted(counts)
        eventlog.execute(COUNT, (names, [counts[name] for name in names]))
    return Report(len(taken), counts)


def settle(fire: Fire, fired: Fired, now: datetime, until: datetime) -> None:
    """Record how a fire ended and when the schedule is looked at next; one edited meanwhile keeps its new times."""
    schedule = fire.schedule
    seen: dict[str, Any] = {"last_at": fire.at, "last_outcome": fired.outcome.value, "last_detail": fired.detail}
    if fired.instance_id is not None:
        seen["last_instance"] = fired.instance_id
    if not _change(schedule, until, **{**seen, **_following(fire, fired, now)}):
        Schedule.objects.filter(id=schedule.id).update(**seen)
    log.info(
        "workflows.schedule_fired",
        schedule_id=str(schedule.id),
        outcome=fired.outcome.value,
        instance_id=str(fired.instance_id) if fired.instance_id else None,
    )


def _following(fire: Fire, fired: Fired, now: datetime) -> dict[str, Any]:
    """Return what the schedule does next."""
    schedule = fire.schedule
    if fired.outcome is Outcome.DEFERRED:
        attempts = schedule.attempts + 1
        delay = backoff.delay(attempts, 1.0, conf.current().schedule_retry_cap_seconds, _dice)
        wake_at = now + timedelta(seconds=max(delay, fired.retry_after_seconds))
        # What is not certain stays so until the same fire is tried again.
        unsettled = schedule.unsettled or not fired.certain
        return {"wake_at": wake_at, "attempts": attempts, "unsettled": unsettled}
    if fire.waited:
        schedule.queued_at = None
    else:
        try:
            schedule.next_at = cron.parse(schedule.cron, schedule.timezone).next_after(fire.at)
        except UNREADABLE as error:
            return {**OFF, "last_detail": str(error), "unsettled": False}
    if fired.outcome is Outcome.QUEUED:
        schedule.queued_at = fire.at
    times = {"next_at": schedule.next_at, "queued_at": schedule.queued_at, "wake_at": _soonest(schedule, now)}
    return {**times, "attempts": 0, "unsettled": False}


def _soonest(schedule: Schedule, now: datetime) -> datetime | None:
    """Return when to look at it: at its next fire, or sooner where one waits for an instance to finish."""
    if schedule.queued_at is None:
        return schedule.next_at
    look = now + timedelta(seconds=conf.current().schedule_poll_seconds)
    return look if schedule.next_at is None else min(look, schedule.next_at)


def _take(now: datetime, until: datetime) -> tuple[list[Schedule], Counter[str]]:
    """Hold what is due; of several fires that were missed only the last is left."""
    counts: Counter[str] = Counter()
    with transaction.atomic():
        due = Schedule.objects.select_for_update(skip_locked=True, of=("self",)).select_related("env")
        taken = list(due.filter(wake_at__lte=now).order_by("wake_at")[: conf.current().schedule_batch])
        for schedule in taken:
            schedule.wake_at = until
            counts.update(_leave_missed(schedule, now))
        Schedule.objects.bulk_update(taken, ["next_at", "wake_at", "enabled", "last_outcome", "last_detail"])
    return [schedule for schedule in taken if schedule.enabled], counts


def _leave_missed(schedule: Schedule, now: datetime) -> list[str]:
    """Move to the last fire that is due; switch a schedule off whose zone or expression is no longer known."""
    if schedule.unsettled or schedule.next_at is None or schedule.next_at > now:
        return []
    try:
        last = cron.parse(schedule.cron, schedule.timezone).last_until(now, schedule.next_at)
    except UNREADABLE as error:
        schedule.enabled, schedule.next_at, schedule.wake_at = False, None, None
        schedule.last_outcome, schedule.last_detail = Outcome.REJECTED.value, str(error)
        return [Outcome.REJECTED.value]
    missed = last > schedule.next_at
    schedule.next_at = last
    return [Outcome.MISSED.value] if missed else []


def _find_busy(taken: Sequence[Schedule]) -> Mapping[UUID, bool | None]:
    """Tell whose last instance has not finished; None where nothing can tell."""
    busy: dict[UUID, bool | None] = {schedule.id: False for schedule in taken}
    asked: dict[UUID, list[Schedule]] = {}
    for schedule in taken:
        if schedule.last_instance is not None and schedule.overlap != Overlap.ALLOW:
            asked.setdefault(schedule.env.id, []).append(schedule)
    for env_id, schedules in asked.items():
        unfinished = _unfinished(env_id, [each.last_instance for each in schedules if each.last_instance])
        for each in schedules:
            busy[each.id] = None if unfinished is None else each.last_instance in unfinished
    return busy


def _unfinished(env_id: UUID, ids: Sequence[UUID]) -> set[UUID] | None:
    try:
        env = refresher.current().envs.get(env_id) or refresher.refresh().envs.get(env_id)
        found = lookup.find_many(env, ids) if env else {}
    except (LookupUnavailable, DirectoryUnavailable, django.db.Error):
        return None
    return {id_ for id_, instance in found.items() if instance.status not in FINISHED}


def _submit(fires: Sequence[Fire], until: datetime) -> Iterable[tuple[Fire, Fired]]:
    """Hand fires in; from here on it is not known what became of them until they are settled."""
    if not fires:
        return []
    Schedule.objects.filter(id__in=[fire.schedule.id for fire in fires], wake_at=until).update(unsettled=True)
    requests = [firing.request(fire.schedule, firing.key_of(fire.schedule.id, fire.at)) for fire in fires]
    outcomes = submission.submit_many(requests)
    return [(fire, firing.fired_as(outcome)) for fire, outcome in zip(fires, outcomes, strict=True)]


def _change(schedule: Schedule, until: datetime, **values: Any) -> bool:
    """Write to a schedule that is still held as this pass took it."""
    return Schedule.objects.filter(id=schedule.id, wake_at=until).update(**values) == 1


def _wait_for_next(until: datetime, stop: Callable[[], bool]) -> bool:
    """Wait for the next schedule to come due; False when none does in time, or the process is to stop."""
    soonest = Schedule.objects.aggregate(soonest=Min("wake_at"))["soonest"]
    if soonest is None or soonest > until:
        return False
    while (left := (soonest - datetime.now(UTC)).total_seconds()) > 0:
        if stop():
            return False
        _pause.wait(min(left, HOP_SECONDS))
    return True
