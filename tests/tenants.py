"""Tenants and triggers for tests of the way in; `greet` is a workflow that every test may submit."""

from datetime import UTC, datetime

from msgspec.structs import replace
from uuid_utils.compat import uuid7

from workflows import registry
from workflows.intake import refresher
from workflows.intake.directory import Env
from workflows.models import Environment, Organization, OrganizationFlags
from workflows.trigger import Request, Source, Trigger


@registry.workflow("greet")
async def greet(ctx, payload):
    return payload


def make_env(org: str = "acme", env: str = "production", **flags) -> Environment:
    """Make an org with one environment; with flags it has a row of them, without it has none."""
    organization, _ = Organization.objects.get_or_create(slug=org, defaults={"name": org.title()})
    environment = Environment.objects.create(org=organization, slug=env)
    if flags:
        OrganizationFlags(org=organization, **flags).save()
    refresher.refresh()
    return environment


def seen(environment: Environment) -> Env:
    """Return an environment as the directory has it."""
    return refresher.current().envs[environment.id]


def request(environment: Environment, definition: str = "greet", **fields) -> Request:
    return Request(org_id=environment.org_id, env_id=environment.id, definition=definition, **fields)


def trigger(env: Environment | None = None, **fields) -> Trigger:
    id_ = fields.pop("id", None) or uuid7()
    made = Trigger(
        id=id_,
        org_id=env.org_id if env else ORG_ID,
        env_id=env.id if env else ENV_ID,
        definition="greet",
        version=1,
        shard=0,
        payload=b'{"name":"Ada"}',
        source=Source.API,
        accepted_at=datetime.now(UTC),
        root_id=id_,
    )
    return replace(made, **fields)


ORG_ID, ENV_ID = uuid7(), uuid7()
