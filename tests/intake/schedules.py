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


def rare() -> str:
    """Return an expression that fires once in about half a year, and then not for a year."""
    return f"0 0 1 {(datetime.now(UTC) + timedelta(days=180)).month} *"


def make_due(env: Environment, **values) -> Schedule:
    """Make a schedule that has come due by the real clock, and does not again for long."""
    schedule = make(env, cron=rare(), **values)
    due = datetime.now(UTC).replace(second=0, microsecond=0) - MINUTE
    Schedule.objects.filter(id=schedule.id).update(next_at=due, wake_at=due)
    schedule.refresh_from_db()
    return schedule


def change(schedule: Schedule, now: datetime | None = None, **values) -> Schedule | None:
    return timetable.change(schedule.env_id, schedule.id, values, actor=OSCAR, reason="a test", now=now)


def started(schedule: Schedule) -> list[Instance]:
    return list(Instance.objects.filter(idempotency_key__startswith=f"schedule:{schedule.id}:").order_by("id"))


def finish(instance: Instance) -> None:
    Instance.objects.filter(id=instance.id).update(status="completed", finished_at=NOON, wake_at=None)
