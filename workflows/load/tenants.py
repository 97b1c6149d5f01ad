"""Whose load it is: orgs made on demand, each with an environment and a key that lives as long as the run."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from workflows.intake import rollout
from workflows.intake.rollout import Actor
from workflows.models import ApiKey, Environment, Organization, RolloutMode

ENVIRONMENT = "production"
# A run that is killed leaves its keys behind; they end by themselves.
KEY_LIFE = timedelta(days=1)
# What a small machine can start at once while it runs them: 100 a second. The rest of a burst is to be buffered.
LIMIT = {"limit": 20, "window_ms": 200}


@dataclass(frozen=True, slots=True)
class Tenant:
    """An org that takes part in a run. `made` when the run made it."""

    org: Organization
    key: ApiKey
    secret: str
    made: bool


def enter(slug: str, name: str, run: str) -> Tenant:
    """Find or make the org and its environment, and make a key for the run; a new org is `on`, with LIMIT."""
    org, made = Organization.objects.get_or_create(slug=slug, defaults={"name": name})
    if made:
        rollout.set_rollout(org.id, actor=Actor("burst"), reason="Made for a load run.", mode=RolloutMode.ON, **LIMIT)
    env, _ = Environment.objects.get_or_create(org=org, slug=ENVIRONMENT)
    key = ApiKey(name=run, env=env, expiry_date=timezone.now() + KEY_LIFE)
    secret = ApiKey.objects.assign_key(key)
    key.save()
    return Tenant(org, key, secret, made)


def leave(tenants: Iterable[Tenant]) -> None:
    """Take the run's keys back; the orgs stay with what they ran."""
    for tenant in tenants:
        tenant.key.delete()
