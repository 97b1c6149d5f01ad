"""What operators and schedules did to many things at once, and who, when and why."""

from typing import ClassVar

from django.db import models

from workflows.models.acted import Acted
from workflows.models.tenant import Organization


class AuditOutcome(models.TextChoices):
    """How an act ended; `running` until it has."""

    RUNNING = "running"
    DONE = "done"
    PARTLY = "partly"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class AuditRecord(Acted):
    """One act. Never deleted, and never changed once it has ended; the database refuses both.

    `count` grows in the transactions that do the work, so it is exact whatever becomes of the process. `target` is
    what the act was about, in the operator's words; `filter` is what chose the things, `detail` what else came of it.
    """

    verb = models.CharField(max_length=40)
    target = models.CharField(max_length=200, blank=True, default="")
    org = models.ForeignKey(Organization, null=True, on_delete=models.PROTECT, related_name="audit_records")
    filter = models.JSONField(default=dict)
    count = models.BigIntegerField(default=0)
    outcome = models.CharField(max_length=12, choices=AuditOutcome.choices, default=AuditOutcome.RUNNING)
    detail = models.JSONField(default=dict)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["verb", "-id"], name="audit_record_of_verb"),
            models.Index(fields=["started_at"], name="audit_record_at"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.target}: {self.outcome}"
