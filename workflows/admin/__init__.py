"""The tables as operators see them: read here, changed only through the services."""

from workflows.admin import apikey, deadletter, definition, flagchange, instance, organization, schedule, shard

__all__ = ["apikey", "deadletter", "definition", "flagchange", "instance", "organization", "schedule", "shard"]
