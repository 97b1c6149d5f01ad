"""Schedules for tests, whose clock is handed in."""

from datetime import UTC, datetime, timedelta

from workflows.audit import Actor
from workflows.intake import timetable
from workflows.models import Environment, Instance, Schedule

OSCAR = Actor("oscar")
MINUTE = timedelta(minutes=1)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-21T{text}").replace(tzinfo=UTC)


NOON = moment("12:00")


def make(env: Environment, now: datetime = NOON - MINUTE, **values) -> Schedule:
    """Make a schedule that fires each hour, first at noon."""
    given = {"definition": "greet", "cron": "0 * * * *", **values}
    return timetable.create(env.id, given, actor=OSCAR, reason="a test", now=now)


def change(schedule: Schedule, now: datetime | None = None, **values) -> Schedule | None:
    return timetable.change(schedule.env_id, schedule.id, values, actor=OSCAR, reason="a test", now=now)


def started(schedule: Schedule) -> list[Instance]:
    return list(Instance.objects.filter(idempotency_key__startswith=f"schedule:{schedule.id}:").order_by("id"))


def finish(instance: Instance) -> None:
    Instance.objects.filter(id=instance.id).update(status="completed", finished_at=NOON, wake_at=None)
