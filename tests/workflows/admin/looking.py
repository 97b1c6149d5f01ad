"""Instances that ran, as the pages find them."""

from uuid import UUID

from tests import tenants
from tests.workflows.pumping import run_until_idle
from workflows import engine, workflow
from workflows.intake import lookup
from workflows.intake.directory import Env
from workflows.intake.view import InstanceView
from workflows.models import Environment


def ran(environment: Environment, code, name: str = "shown") -> UUID:
    """Run a workflow of this code for as long as something of it is ready."""
    workflow(name)(code)
    trigger = tenants.trigger(environment, definition=name)
    engine.start(trigger)
    run_until_idle()
    return trigger.id


def shown(environment: Environment, id_: UUID) -> tuple[Env, InstanceView]:
    env = tenants.seen(environment)
    view = lookup.find(env, id_)
    assert view is not None
    return env, view
