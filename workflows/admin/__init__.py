"""The tables as operators see them: read here, changed only through the services."""

from workflows.admin import (
    action,
    apikey,
    audit,
    binding,
    deadletter,
    definition,
    delivery,
    flagchange,
    instance,
    organization,
    plan,
    schedule,
    secret,
    shard,
    storm,
    webhook,
)

__all__ = [
    "action",
    "apikey",
    "audit",
    "binding",
    "deadletter",
    "definition",
    "delivery",
    "flagchange",
    "instance",
    "organization",
    "plan",
    "schedule",
    "secret",
    "shard",
    "storm",
    "webhook",
]
