"""The tables as operators see them: read here, changed only through the services."""

from workflows.admin import apikey, audit, deadletter, definition, flagchange, instance, organization, shard

__all__ = ["apikey", "audit", "deadletter", "definition", "flagchange", "instance", "organization", "shard"]
