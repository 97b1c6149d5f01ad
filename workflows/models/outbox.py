"""What an instance wants the outside to know, written in the same statement as its log event."""

from django.db import models
from django.db.models.functions import Now

from workflows.models.json import RawJsonField


class Outbox(models.Model):
    """An emitted event that waits to be submitted; deleted once it is. `key` makes a repeat harmless.

    `parent_id` is who waits for this instance's end. Nobody takes it before `available_at`.
    """

    id = models.BigAutoField(primary_key=True)
    instance_id = models.UUIDField()
    org_id = models.UUIDField()
    env_id = models.UUIDField()
    type = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    payload = RawJsonField()
    parent_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    available_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "outbox"

    def __str__(self) -> str:
        return f"{self.type} {self.key}"
