"""The tables as operators see them: read here, changed only through the services."""

from workflows.admin import apikey, definition, flagchange, instance, organization, shard

__all__ = ["apikey", "definition", "flagchange", "instance", "organization", "shard"]
