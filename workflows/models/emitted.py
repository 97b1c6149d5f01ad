"""Events from outside of instances that still have to be submitted."""

from typing import ClassVar

from django.db import models
from uuid_utils.compat import uuid7

from workflows.models.json import RawJsonField


class EmittedEvent(models.Model):
    """One that was emitted inside a transaction, or met a full buffer or an outage; deleted once it is settled.

    What instances emit is in the outbox instead. `lineage` is that of the instance that caused it, where one did.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org_id = models.UUIDField()
    env_id = models.UUIDField()
    type = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    payload = RawJsonField()
    cause = models.UUIDField(null=True)
    lineage = RawJsonField(null=True)
    attempts = models.IntegerField(default=0)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["due_at"], name="emitted_event_due")]

    def __str__(self) -> str:
        return f"{self.type} {self.key}"
