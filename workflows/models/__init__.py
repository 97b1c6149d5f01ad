"""The tables, a file a noun."""

from workflows.models.deadletter import DeadLetterDecision, Decision
from workflows.models.definition import Definition, ShardBy
from workflows.models.event import Event
from workflows.models.flags import FlagChange, OrganizationFlags, RolloutMode
from workflows.models.hook import Hook, Resumption
from workflows.models.instance import Instance
from workflows.models.outbox import Outbox
from workflows.models.shard import Shard
from workflows.models.tenant import ApiKey, Environment, Organization
from workflows.models.version import SnapshotVersion

__all__ = [
    "ApiKey",
    "DeadLetterDecision",
    "Decision",
    "Definition",
    "Environment",
    "Event",
    "FlagChange",
    "Hook",
    "Instance",
    "Organization",
    "OrganizationFlags",
    "Outbox",
    "Resumption",
    "RolloutMode",
    "Shard",
    "ShardBy",
    "SnapshotVersion",
]
