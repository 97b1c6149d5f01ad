"""One verb on everything that a search finds, as a thing that can be watched and stopped."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from workflows.models.acted import Acted
from workflows.models.audit import AuditRecord
from workflows.models.tenant import Environment


class BulkVerb(models.TextChoices):
    """What is done."""

    CANCEL = "cancel"
    CANCEL_BACKLOG = "cancel_backlog"
    REDRIVE = "redrive"
    REPLAY_SUPPRESSED = "replay_suppressed"


class BulkState(models.TextChoices):
    """Where it is; it ends done, aborted or failed."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    ABORTED = "aborted"
    FAILED = "failed"


UNFINISHED = (BulkState.PENDING, BulkState.RUNNING)


class BulkAction(Acted):
    """A verb, a search and a reason. Only workflows/intake/bulk.py writes it.

    `env` bounds it to one environment, null to none. `total` is what was counted beforehand, at least that many with
    `more`, null when it could not be counted. `skipped` had ended or moved by itself, `failed` could not be done.
    `place` is where the next batch goes on, `heartbeat_at` when one ended last, `abort_by` who ended it early and why.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    action = models.CharField(max_length=20, choices=BulkVerb.choices)
    search = models.CharField(max_length=2_000)
    env = models.ForeignKey(Environment, null=True, on_delete=models.PROTECT, related_name="bulk_actions")
    state = models.CharField(max_length=10, choices=BulkState.choices, default=BulkState.PENDING)
    total = models.BigIntegerField(null=True)
    more = models.BooleanField(default=False)
    done = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    sample = models.JSONField(default=list)
    place = models.JSONField(default=dict)
    note = models.TextField(default="", blank=True)
    audit = models.ForeignKey(AuditRecord, null=True, on_delete=models.PROTECT, related_name="+")
    abort_by = models.CharField(max_length=700, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(search=""), name="bulk_action_of_something"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["env", "-id"], name="bulk_action_of_env"),
            models.Index(fields=["id"], name="bulk_action_unfinished", condition=Q(finished_at__isnull=True)),
        ]
        permissions: ClassVar = [("export_payload", "Can export the payloads of instances")]

    def __str__(self) -> str:
        return f"{self.action} {self.search}"

    @property
    def worked(self) -> int:
        """How many it has come to."""
        return self.done + self.skipped + self.failed

    @property
    def expected(self) -> int:
        """How many it will be, as far as is known; once it has ended, how many it was."""
        if self.state == BulkState.DONE:
            return max(self.worked, 1)
        return max(self.total or 0, self.worked, 1)
