"""One run of a workflow definition."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from workflows.models.json import RawJsonField
from workflows.models.tenant import Environment, Organization
from workflows.states import Status, choices


class Instance(models.Model):
    """The hot row. Payload and output are in the log: the first event's data and the last one's.

    `last_seq` is the log's tail. `epoch` is the pump epoch that owns it, 0 when none does. `wake_at` is what makes
    it ready: a pump of its shard claims it once that time has come; null when nothing is due. `run_after` is when it
    may start at the earliest. `chain` are the definitions from the root's to its parent's; `event_type`, `event_key`
    and `cause` tell of the emitted event that it comes from. `unread` counts what hooks received since its pump last
    wrote.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    env = models.ForeignKey(Environment, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    definition = models.CharField(max_length=100)
    version = models.IntegerField()
    status = models.CharField(max_length=14, choices=choices(Status), default=Status.PENDING.value)
    source = models.CharField(max_length=16)
    shard = models.SmallIntegerField()
    tags = ArrayField(models.CharField(max_length=64), default=list)
    metadata = RawJsonField(default=dict)
    metadata_version = models.IntegerField(default=0, db_default=0)
    idempotency_key = models.CharField(max_length=255, null=True)
    root_id = models.UUIDField()
    parent_id = models.UUIDField(null=True)
    depth = models.SmallIntegerField(default=0)
    chain = ArrayField(models.CharField(max_length=100), null=True)
    event_type = models.CharField(max_length=100, null=True)
    event_key = models.CharField(max_length=255, null=True)
    cause = models.UUIDField(null=True)
    superseded_by = models.UUIDField(null=True)
    accepted_at = models.DateTimeField()
    run_after = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=64, null=True)
    error_message = models.TextField(null=True)
    wake_at = models.DateTimeField(null=True)
    epoch = models.BigIntegerField(default=0)
    takeovers = models.SmallIntegerField(default=0)
    last_seq = models.IntegerField(default=0)
    last_event_at = models.DateTimeField()
    log_bytes = models.IntegerField(default=0)
    unread = models.IntegerField(default=0, db_default=0)

    class Meta:
        ordering: ClassVar = ["-id"]
        permissions: ClassVar = [("cancel_instance", "Can cancel an instance")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["env", "definition", "idempotency_key"],
                name="instance_idempotency_key_unique",
                condition=Q(idempotency_key__isnull=False) & Q(superseded_by__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            # Lists go by acceptance, of one environment and of all. Read backwards: what grows at its end stays dense.
            models.Index(fields=["env", "accepted_at", "id"], name="instance_of_env"),
            models.Index(fields=["accepted_at", "id"], name="instance_accepted"),
            models.Index(fields=["shard", "wake_at"], name="instance_ready", condition=Q(wake_at__isnull=False)),
            models.Index(fields=["shard", "epoch"], name="instance_owned", condition=Q(status="running")),
            models.Index(fields=["status", "-id"], name="instance_unfinished", condition=Q(finished_at__isnull=True)),
            # The damper counts on it; what is paused or finished is no longer in it.
            models.Index(
                fields=["org", "env", "definition", "event_type", "created_at"],
                name="instance_event_backlog",
                condition=Q(event_type__isnull=False, finished_at__isnull=True) & ~Q(status="paused"),
            ),
            models.Index(fields=["root_id"], name="instance_of_root", condition=Q(depth__gt=0)),
            models.Index(
                fields=["shard", "wake_at"],
                name="instance_suspect",
                condition=Q(takeovers__gte=2, wake_at__isnull=False),
            ),
            models.Index(
                fields=["parent_id", "accepted_at", "id"],
                name="instance_of_parent",
                condition=Q(parent_id__isnull=False),
            ),
            GinIndex(fields=["tags"], name="instance_tags", fastupdate=True),
        ]

    def __str__(self) -> str:
        return f"{self.definition} {self.id}"
