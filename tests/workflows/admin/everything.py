"""One of everything that the admin has a page for, and the address of every page of it."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, User
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone

from mollifier import buffer, gate
from mollifier.decision import Arrival, Limits, Mode, Reason, Rollout
from mollifier.entry import Fail
from tests import bound, receivers, stock, tenants
from tests.intake import bulks, schedules
from tests.outside import Outside
from tests.workflows.declarative.documents import act, document
from workflows import audit, engine, secrets, snapshot, storms
from workflows.audit import Act, Actor
from workflows.intake import definitions, lookup, plans, refresher, rollout
from workflows.intake.plans import Step
from workflows.models import (
    ApiKey,
    AuditRecord,
    DeadLetterDecision,
    Environment,
    FlagChange,
    Organization,
    OrganizationFlags,
    SecretChange,
    Shard,
)
from workflows.secrets import Author

ADA = Actor("ada")
# Addresses of Django's own that are no pages of ours to answer for.
OTHERS = {"login", "logout", "jsi18n", "view_on_site", "autocomplete", "password_change_done", "search"}


@dataclass(frozen=True)
class Everything:
    """The environment that all is of, and what stands for each table in an address."""

    environment: Environment
    objects: dict[str, Any]

    def arguments(self, name: str, wanted: set[str]) -> dict[str, Any]:
        """Return what an address is made of; KeyError says that nothing is known to stand in one."""
        given = {
            "verb": "abort",
            "org": self.environment.org_id,
            "app_label": "workflows",
            "name": self.objects["action"] if "actionswitch" in name else "MollifierRedisDown",
            "url": "nowhere",
        }
        return {each: given[each] if each in given else self.objects[table_of(name)] for each in wanted}


def table_of(name: str) -> str:
    return name.partition("_")[2].partition("_")[0]


def make() -> Everything:
    """Have one of everything: buffered and dead entries, rows, tenants, and what operators have made and changed."""
    environment = tenants.make_env("acme", mode="on", limit=1)
    org = environment.org
    _, letter, *_ = stock.mollify(environment, 3)
    claimed = buffer.claim(uuid.uuid4().hex, 2, 60_000)
    buffer.settle(claimed.token, [Fail(entry.id, "54000: too large") for entry in claimed.entries])
    trigger = tenants.trigger(environment)
    engine.start(trigger)
    bound.bind("order.*", org=org)
    refused = tenants.trigger(environment, event_type="order.created", event_key="evt-1")
    storm = storms.suppress(refused, limit=50, backlog=50)
    Shard.objects.create(index=0, owner="here:1", epoch=3)
    key, _ = ApiKey.objects.create_key(name="shop", env=environment)
    rollout.set_rollout(org.id, actor=ADA, reason="launch", mode="on")
    plan = plans.begin(org.id, actor=ADA, reason="launch", steps=(Step("on", 100, 60),), now=timezone.now())
    definitions.save("letters", actor=ADA, reason="new", document=document(("a", act())), expected_version=0)
    secret = secrets.create(org.id, environment.id, "KEY", "sk_0123456789", author=Author("ada"), reason="go live")
    webhook = receivers.make(Outside(port=1), org.id).webhook
    decided = {"entry_id": letter, "env": environment, "definition": "greet", "actor_name": "ada"}
    decision = DeadLetterDecision.objects.create(**decided, reason="mended", decision="redriven")
    audit.note(Act(verb="close_storm", actor=ADA, reason="calm", filter={"storm": 1}, target="it"))
    objects = {
        "organization": org.pk,
        "environment": environment.pk,
        "apikey": key.pk,
        "instance": trigger.id,
        "definition": "letters",
        "binding": bound.bind("order.paid", org=org).pk,
        "storm": storm,
        "shard": 0,
        "schedule": schedules.make(environment).pk,
        "bulkaction": bulks.make("cancel", "org:acme").pk,
        "rolloutplan": plan.pk,
        "flagchange": FlagChange.objects.latest("id").pk,
        "secret": secret.pk,
        "secretchange": SecretChange.objects.latest("id").pk,
        "webhook": webhook.pk,
        "delivery": receivers.tell(org.id).pk,
        "auditrecord": AuditRecord.objects.latest("id").pk,
        "deadletter": letter,
        "deadletterdecision": decision.pk,
        "actionswitch": "http",
        "action": "http",
        "user": User.objects.create_user("somebody").pk,
        "group": Group.objects.get(name="Viewer").pk,
    }
    return Everything(environment, objects)


def pages(everything: Everything) -> Iterator[tuple[str, str]]:
    """Yield every page's name and address, from the URL resolver; one that can't be addressed raises KeyError."""
    for namespace, pattern in walk(get_resolver().url_patterns):
        if namespace not in {"admin", "dashboard"} or not pattern.name or pattern.name in OTHERS:
            continue
        arguments = everything.arguments(pattern.name, set(pattern.pattern.regex.groupindex))
        query = f"?env={everything.environment.pk}" if table_of(pattern.name) == "deadletter" else ""
        yield pattern.name, reverse(f"{namespace}:{pattern.name}", kwargs=arguments) + query


def walk(patterns: list[Any], namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for each in patterns:
        if isinstance(each, URLPattern):
            yield namespace, each
        else:
            yield from walk(each.url_patterns, each.namespace or namespace)


def crowd(orgs: int, rows: int) -> None:
    """Have so many orgs, each with flags and a buffered trigger, and so many rows; before the directory is read."""
    made = Organization.objects.bulk_create(Organization(slug=f"org-{each}", name="x") for each in range(orgs))
    OrganizationFlags.objects.bulk_create(OrganizationFlags(org=org, mode="on") for org in made)
    envs = Environment.objects.bulk_create(Environment(org=org, slug="production") for org in made)
    refresher.refresh()
    triggers = [tenants.trigger(env) for env in envs]
    scopes = [lookup.scope_of(tenants.seen(env)) for env in envs]
    rollout = Rollout(Mode.ON, enrolled=True, limits=Limits())
    gate.admit_many(
        [
            Arrival(trigger.id, scope, rollout, snapshot.encode(trigger))
            for trigger, scope in zip(triggers, scopes, strict=True)
        ],
        force=Reason.DATABASE_UNAVAILABLE,
    )
    for env in envs[:rows]:
        stock.make_instance(env)
