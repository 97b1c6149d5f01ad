"""One of everything that the operator pages show, so that every page and every verb has something to be about."""

import uuid
from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from mollifier import buffer
from mollifier.entry import Fail
from tests import receivers, stock, tenants
from tests.bound import bind
from tests.intake import bulks, schedules
from tests.outside import Outside
from workflows import engine, secrets, shards, steering, storms
from workflows.actions import switches
from workflows.admin.definition_edit import FIRST
from workflows.audit import Actor
from workflows.intake import deadletters, definitions, lookup, plans, rollout
from workflows.intake.deadletters import DeadLetterOutcome
from workflows.models import (
    ApiKey,
    AuditRecord,
    DeadLetterDecision,
    Environment,
    FlagChange,
    SecretChange,
    Shard,
)

ADA = Actor("ada")
SECRET = "sk_live_0123456789"
WHY = "a reason that takes some room, as reasons do that people write for others"


@pytest.fixture
def known(db, settings, monkeypatch) -> Mapping[str, str]:
    """Make it all; return what addresses need to know of it, by name."""
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}
    monkeypatch.setattr(switches, "_known", switches._Known())
    environment = tenants.make_env("acme", mode="on", limit=1)
    globex, initech = (tenants.make_env(name, mode="off") for name in ("globex", "initech"))
    return {
        "env": f"{environment.pk}",
        "org": f"{environment.org_id}",
        "action": "llm",
        "alert": "WorkflowsWebhooksFailing",
        **_tenants(environment),
        **_instances(environment),
        **_bindings(environment),
        **_operations(environment, globex, initech),
        **_outside(environment),
    }


def _tenants(environment: Environment) -> dict[str, str]:
    change = rollout.set_rollout(environment.org_id, actor=ADA, reason=WHY, weight=2)
    key, _ = ApiKey.objects.create_key(name="checkout", env=environment)
    person = User.objects.create_user("grace")
    return {
        "flagchange": f"{FlagChange.objects.get(pk=change.pk).pk}",
        "key": key.pk,
        "user": f"{person.pk}",
        "group": f"{Group.objects.get(name='Viewer').pk}",
    }


def _instances(environment: Environment) -> dict[str, str]:
    running, paused = (tenants.trigger(environment, tags=("vip",)) for _ in range(2))
    engine.start(running)
    engine.start(paused)
    steering.pause(paused.id, actor="ada")
    decided, letter, rotten = (_dead_letter(environment) for _ in range(3))
    env = tenants.seen(environment)
    assert deadletters.discard(env, decided, actor=ADA, reason=WHY) is DeadLetterOutcome.DISCARDED
    (waiting, *_) = stock.mollify(environment, 3)
    return {
        "instance": f"{running.id}",
        "paused": f"{paused.id}",
        "letter": f"{letter}",
        "rotten": f"{rotten}",
        "waiting": f"{waiting}",
        "decision": f"{DeadLetterDecision.objects.get().pk}",
    }


def _dead_letter(environment: Environment) -> uuid.UUID:
    (one,) = stock.mollify(environment, 1)
    claimed = buffer.claim(uuid.uuid4().hex, 1, 60_000)
    buffer.settle(claimed.token, [Fail(one, "54000: index row size 2816 exceeds maximum 2704")])
    assert buffer.read(lookup.scope_of(tenants.seen(environment)), one) is not None
    return one


def _bindings(environment: Environment) -> dict[str, str]:
    condition = 'payload.customer.country in ["SE", "FI"] and payload.total > 100'
    binding = bind("order.*", condition=condition, org=environment.org)
    refused = tenants.trigger(environment, event_type="order.created", event_key="evt-1")
    storm = storms.suppress([refused], limit=50, backlog=50)
    definitions.save("welcome", document=FIRST, actor=ADA, reason=WHY)
    document = {**FIRST, "title": "A welcome with a rather long title, so that its line is wider than a telephone is"}
    definitions.save("welcome", document=document, actor=ADA, reason=WHY)
    return {"binding": f"{binding.pk}", "storm": f"{storm}", "definition": "welcome"}


def _operations(environment: Environment, *others: Environment) -> dict[str, str]:
    soon = timezone.now() + timedelta(minutes=1)
    Shard.objects.create(index=0, owner="a-host-with-a-long-name:4711:01a1fd96", epoch=12, deadline=soon)
    Shard.objects.create(index=1)
    shards.set_parallelism(1, 0, actor=ADA, reason=WHY)
    schedule = schedules.make(environment, timezone="America/Argentina/ComodRivadavia")
    search = 'org:acme -tag:"a long tag that somebody made" created>2026-01-31T12:00Z age>5m'
    begun = (plans.Step("shadow", 100, 60), plans.Step("on", 5, 60))
    plan, paused = (plans.begin(other.org_id, actor=ADA, reason=WHY, steps=begun) for other in others)
    plans.pause(paused.pk, actor=ADA, reason=WHY)
    return {
        "schedule": f"{schedule.pk}",
        "bulk": f"{bulks.make('cancel', search).pk}",
        "plan": f"{plan.pk}",
        "paused_plan": f"{paused.pk}",
        "running_shard": "0",
        "paused_shard": "1",
        "record": f"{AuditRecord.objects.latest('pk').pk}",
    }


def _outside(environment: Environment) -> dict[str, str]:
    switches.switch("llm", off=True, reason=WHY, actor_name="ada")
    name = "A_SECRET_WITH_A_RATHER_LONG_NAME"
    secret = secrets.create(environment.org_id, environment.id, name, SECRET, author=secrets.Author("ada"), reason=WHY)
    webhook = receivers.make(Outside(port=1), environment.org_id).webhook
    delivery = receivers.tell(environment.org_id, definition="a-definition-with-a-rather-long-name" * 4)
    delivery.next_at, delivery.last_status = None, 500
    delivery.last_error = "outbound_failed: " + "no_space_in_it" * 12
    delivery.save()
    return {
        "secret": f"{secret.pk}",
        "secretchange": f"{SecretChange.objects.get().pk}",
        "webhook": f"{webhook.pk}",
        "delivery": f"{delivery.pk}",
    }
