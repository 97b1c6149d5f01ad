"""The tables as operators see them: read here, changed only through the services."""

from workflows.admin import (
    action,
    apikey,
    audit,
    deadletter,
    definition,
    delivery,
    flagchange,
    instance,
    organization,
    schedule,
    secret,
    shard,
    webhook,
)

__all__ = [
    "action",
    "apikey",
    "audit",
    "deadletter",
    "definition",
    "delivery",
    "flagchange",
    "instance",
    "organization",
    "schedule",
    "secret",
    "shard",
    "webhook",
]
