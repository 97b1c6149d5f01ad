"""The tables, a file a noun."""

from workflows.models.action import ActionSwitch
from workflows.models.audit import AuditOutcome, AuditRecord
from workflows.models.binding import Binding, LoopPolicy
from workflows.models.bulk import BulkAction, BulkState, BulkVerb
from workflows.models.deadletter import DeadLetterDecision, Decision
from workflows.models.definition import Definition, DefinitionChange, DefinitionVersion, ShardBy
from workflows.models.emitted import EmittedEvent
from workflows.models.event import Event
from workflows.models.flags import FlagChange, OrganizationFlags, RolloutMode
from workflows.models.hook import Hook, Resumption
from workflows.models.instance import Instance
from workflows.models.outbox import Outbox
from workflows.models.plan import PlanEvent, PlanEventKind, PlanStatus, RolloutPlan
from workflows.models.role import RoleGrant
from workflows.models.schedule import CatchUp, Overlap, Schedule, ScheduleFires
from workflows.models.secret import Secret, SecretChange, SecretVerb
from workflows.models.shard import Shard
from workflows.models.storm import Storm, SuppressedTrigger
from workflows.models.tenant import ApiKey, Environment, Organization
from workflows.models.version import SnapshotVersion
from workflows.models.walk import Walk
from workflows.models.webhook import Delivery, DeliveryCount, Watch, Webhook

__all__ = [
    "ActionSwitch",
    "ApiKey",
    "AuditOutcome",
    "AuditRecord",
    "Binding",
    "BulkAction",
    "BulkState",
    "BulkVerb",
    "CatchUp",
    "DeadLetterDecision",
    "Decision",
    "Definition",
    "DefinitionChange",
    "DefinitionVersion",
    "Delivery",
    "DeliveryCount",
    "EmittedEvent",
    "Environment",
    "Event",
    "FlagChange",
    "Hook",
    "Instance",
    "LoopPolicy",
    "Organization",
    "OrganizationFlags",
    "Outbox",
    "Overlap",
    "PlanEvent",
    "PlanEventKind",
    "PlanStatus",
    "Resumption",
    "RoleGrant",
    "RolloutMode",
    "RolloutPlan",
    "Schedule",
    "ScheduleFires",
    "Secret",
    "SecretChange",
    "SecretVerb",
    "Shard",
    "ShardBy",
    "SnapshotVersion",
    "Storm",
    "SuppressedTrigger",
    "Walk",
    "Watch",
    "Webhook",
]
