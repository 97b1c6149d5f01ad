"""The django-q2 schedules that heal what should be running anyway, and the pass that fires by the clock.

They are made after each migration.
"""

from typing import Any

from django.utils import timezone
from django_q.models import Schedule

# function -> minutes. A drainer or pump that died is followed at latest after this long.
EVERY_MINUTES = {
    "mollifier.tasks.drain": 1,
    "mollifier.tasks.sweep": 5,
    "workflows.intake.rollout.reconcile": 5,
    "workflows.tasks.ensure_pumps": 1,
    "workflows.tasks.deliver_outbox": 1,
    "workflows.intake.emission.sweep": 1,
    "workflows.intake.damper.sweep": 1,
    "workflows.intake.schedules.run": 1,
    "workflows.intake.bulk.heal": 1,
    "workflows.intake.plans.run": 1,
    "workflows.intake.retention.apply": 10,
    "workflows.intake.watches.look": 1,
    "workflows.intake.deliveries.send": 1,
}
# django-q2 is up to 30 s late, and cron fires on the minute: from here the pass has begun by then, and waits for it.
AT_SECOND = {"workflows.intake.schedules.run": 28}


def ensure(**_signal: Any) -> None:
    """Make each schedule that is missing; one that an operator changed stays as it is."""
    known = set(Schedule.objects.filter(func__in=EVERY_MINUTES).values_list("func", flat=True))
    for function, minutes in EVERY_MINUTES.items():
        if function not in known:
            first = timezone.now()
            if function in AT_SECOND:
                first = first.replace(second=AT_SECOND[function], microsecond=0)
            Schedule.objects.create(
                name=function,
                func=function,
                schedule_type=Schedule.MINUTES,
                minutes=minutes,
                repeats=-1,
                next_run=first,
            )
