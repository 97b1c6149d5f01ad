"""Events of one type, many of them, and what lives of their group."""

from django.utils import timezone

from tests.bound import emitted
from tests.workflows.making import make_instances
from workflows.intake import events, preflight, refresher
from workflows.models import Instance
from workflows.states import Status

ON = {"mode": "on", "limit": 1, "window_ms": 60_000, "hold_ms": 60_000}


def send(env, key, type_="order.created"):
    (outcome,) = events.submit_matching(emitted(env, type_, key=str(key)))
    return outcome.submission


def kinds(env, keys) -> list[type]:
    return [type(send(env, key)) for key in keys]


def ready_of(env, key="probe"):
    directory = refresher.current()
    (match,) = events.matches(directory, emitted(env, key=key))
    return preflight.check(events.request_of(directory, emitted(env, key=key), match.bound))


def finish(*ids) -> None:
    Instance.objects.filter(id__in=ids).update(status=Status.COMPLETED, finished_at=timezone.now(), wake_at=None)


def started(env, count):
    return [send(env, f"early-{number}").instance.id for number in range(count)]


def fill(env, count, **columns) -> None:
    make_instances("greet", [None] * count, org_id=env.org_id, env_id=env.id, event_type="order.created", **columns)
