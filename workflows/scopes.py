"""What an API key may do. Pure; the table and the API use it."""

from enum import StrEnum


class Scopes(StrEnum):
    """One word a verb."""

    TRIGGER_WRITE = "trigger:write"
    INSTANCES_READ = "instances:read"
    INSTANCES_WRITE = "instances:write"
    BUFFER_MANAGE = "buffer:manage"
    FLAGS_WRITE = "flags:write"
    DEFINITIONS_WRITE = "definitions:write"
    METRICS_READ = "metrics:read"


DEFAULT_SCOPES = [
    Scopes.TRIGGER_WRITE.value,
    Scopes.INSTANCES_READ.value,
    Scopes.INSTANCES_WRITE.value,
    Scopes.BUFFER_MANAGE.value,
]
EVERY_SCOPE = [scope.value for scope in Scopes]
