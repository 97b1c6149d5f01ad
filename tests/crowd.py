"""A thousand orgs, for what must not grow with them."""

from mollifier import gate
from mollifier.decision import Arrival, Limits, Mode, Reason, Rollout
from tests import stock, tenants
from workflows import snapshot
from workflows.intake import lookup, refresher
from workflows.models import Environment, Organization, OrganizationFlags


def gather(orgs: int, rows: int = 0) -> None:
    """Have so many orgs, each with flags, an environment and a buffered trigger, and so many rows."""
    made = Organization.objects.bulk_create(
        Organization(slug=f"org-{each:04}", name=f"Org {each}") for each in range(orgs)
    )
    OrganizationFlags.objects.bulk_create(OrganizationFlags(org=org, mode="on") for org in made)
    envs = Environment.objects.bulk_create(Environment(org=org, slug="production") for org in made)
    # Rows that are written at once tell no directory of it.
    refresher.forget()
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
