"""What the pictures of docs/images show: a service with tenants at every stage of a rollout, and an open storm.

The service has bench.shop among its EXTRA_APPS. Set a second time, it adds an order and events, and leaves the rest.
"""

import time
from typing import Any

from workflows import conf, emit, hooks, submit
from workflows.audit import Actor
from workflows.intake import definitions, plans, refresher, rollout, timetable
from workflows.models import (
    Binding,
    DefinitionVersion,
    Environment,
    Organization,
    OrganizationFlags,
    RolloutPlan,
    Schedule,
    Storm,
)

ADA, OSCAR = Actor("ada"), Actor("oscar")
SUPPRESSED, WAIT_SECONDS = 64, 20.0
# Repositories of the trace, by what their rollout is.
ROLLOUTS: dict[str, dict[str, Any]] = {
    "sidekiq-sidekiq": {"mode": "on", "limit": 2, "window_ms": 1_000, "weight": 2.0},
    "simonw-datasette": {"mode": "on", "limit": 2, "window_ms": 1_000},
    "healthchecks-healthchecks": {"mode": "on", "limit": 2, "window_ms": 1_000, "paused": True},
    "temporalio-ui": {"mode": "on", "limit": 1, "window_ms": 1_000, "paused": True},
    "rq-rq": {"mode": "on", "limit": 5, "window_ms": 1_000},
    "resque-resque": {"mode": "shadow", "limit": 2, "window_ms": 1_000},
    "oban-bg-oban": {"mode": "mirror", "limit": 5, "window_ms": 1_000},
    "encode-httpx": {"mode": "on", "percent": 50, "limit": 5, "window_ms": 1_000},
    "mher-flower": {"mode": "off"},
}
PLANNED, SHOWN = "django-q2-django-q2", "simonw-datasette"
LETTER = {
    "title": "Welcome letter",
    "steps": {
        "start": {"type": "trigger", "next": {"success": "name"}},
        "name": {
            "type": "action",
            "action": "set_variables",
            "arguments": {"greeting": "Welcome, {{ payload.name }}"},
            "next": {"success": "noop"},
        },
    },
}


def set_up() -> dict[str, str]:
    """Set it all; return what an address may be made of: the name of each thing and its id.

    Raises:
        TimeoutError: the order came to no approval: the service that runs knows nothing of bench.shop.
    """
    make_tenants()
    refresher.refresh()
    demo = Environment.objects.select_related("org").get(org__slug="demo", slug="production")
    declare(demo)
    order = start_order(demo)
    cause_storm(demo)
    return {
        "org": str(Organization.objects.get(slug=SHOWN).pk),
        "order": order,
        "storm": str(Storm.objects.filter(closed_at=None).latest("id").pk),
        "plan": str(make_plan()),
    }


def make_tenants() -> None:
    for slug, flags in {**ROLLOUTS, PLANNED: {"mode": "off"}}.items():
        org, _ = Organization.objects.get_or_create(slug=slug, defaults={"name": slug})
        Environment.objects.get_or_create(org=org, slug="production")
        if not OrganizationFlags.objects.filter(org=org).exists():
            rollout.set_rollout(org.id, actor=ADA, reason="As agreed with the customer", **flags)


def make_plan() -> int:
    org = Organization.objects.get(slug=PLANNED)
    known = RolloutPlan.objects.filter(org=org).first()
    plan = known or plans.begin(org.id, actor=OSCAR, reason="Smooth the Monday imports")
    return int(plan.pk)


def declare(env: Any) -> None:
    """Have a declared definition, a schedule of it, and bindings."""
    if not DefinitionVersion.objects.filter(definition="welcome").exists():
        definitions.save("welcome", actor=ADA, reason="First letters", document=LETTER, expected_version=0)
    refresher.refresh()
    if not Schedule.objects.exists():
        given = {"definition": "welcome", "cron": "0 7 * * 1-5", "timezone": "Europe/Stockholm"}
        timetable.create(env.id, given, actor=OSCAR, reason="A letter each working day")
    for pattern, definition in (("order.created", "approval"), ("customer.*", "welcome")):
        Binding.objects.get_or_create(pattern=pattern, definition=definition, org=env.org)
    refresher.refresh()


def start_order(env: Any) -> str:
    """Start an order; return its id once it waits for its approval."""
    payload = {"order": "A-1042", "customer": "Ada", "total": 1280, "card": {"number": 4242, "token": "tok_1"}}
    id_ = submit("fulfil_order", payload, env=env, tags=["vip"]).instance.id  # type: ignore[union-attr]
    deadline = time.monotonic() + WAIT_SECONDS
    while not hooks.open_of(id_):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no approval is awaited after {WAIT_SECONDS:g} s: EXTRA_APPS=bench.shop bin/up")
        time.sleep(0.1)
    return str(id_)


def cause_storm(env: Any) -> None:
    """Emit more of one event than its group may have alive."""
    for number in range(conf.current().event_limit + SUPPRESSED):
        emit("order.created", {"seconds": 3_600}, env=env, key=f"order-{number}")
