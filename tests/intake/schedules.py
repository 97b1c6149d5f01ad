"""Schedules for tests, whose clock is handed in."""

from datetime import UTC, datetime, timedelta

from workflows.intake import timetable
from workflows.models import Environment, Instance, Schedule

MINUTE = timedelta(minutes=1)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-21T{text}").replace(tzinfo=UTC)


NOON = moment("12:00")


def make(env: Environment, now: datetime = NOON - MINUTE, **values) -> Schedule:
    """Make a schedule that fires each hour, first at noon."""
    return timetable.create(env.id, {"definition": "greet", "cron": "0 * * * *", **values}, now)


def started(schedule: Schedule) -> list[Instance]:
    return list(Instance.objects.filter(idempotency_key__startswith=f"schedule:{schedule.id}:").order_by("id"))


def finish(instance: Instance) -> None:
    Instance.objects.filter(id=instance.id).update(status="completed", finished_at=NOON, wake_at=None)
