"""Bindings and events for tests; `greet` of tests.tenants is what they start."""

from workflows.intake import refresher
from workflows.intake.events import Emitted
from workflows.models import Binding, Environment


def bind(pattern: str = "order.created", definition: str = "greet", **fields) -> Binding:
    binding = Binding(pattern=pattern, definition=definition, **fields)
    binding.full_clean()
    binding.save()
    refresher.refresh()
    return binding


def emitted(env: Environment, type_: str = "order.created", key: str = "evt-1", **fields) -> Emitted:
    return Emitted(org_id=env.org_id, env_id=env.id, type=type_, key=key, **({"payload": b"{}"} | fields))
