"""Event storms: groups of event-sourced triggers that were more than their limit."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from workflows.models.tenant import Environment, Organization


class Storm(models.Model):
    """An incident of one group: open until its backlog is under half the limit. Only workflows/storms.py writes it.

    `suppressed` counts the triggers that were refused, the latest of them are kept; `peak` is the largest backlog.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    env = models.ForeignKey(Environment, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    definition = models.CharField(max_length=100)
    event_type = models.CharField(max_length=100)
    limit = models.IntegerField()
    suppressed = models.BigIntegerField(default=0)
    looping = models.BigIntegerField(default=0, help_text="Suppressed ones whose definition is on their own chain.")
    peak = models.IntegerField(default=0)
    opened_at = models.DateTimeField()
    last_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, default="", blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["env", "definition", "event_type"],
                name="storm_open_once",
                condition=Q(closed_at__isnull=True),
            )
        ]
        permissions: ClassVar = [
            ("close_storm", "Can close a storm"),
            ("replay_storm", "Can replay what a storm suppressed"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} -> {self.definition}"


class SuppressedTrigger(models.Model):
    """A trigger that a storm refused, as its snapshot. A new one takes the slot of the oldest."""

    storm = models.ForeignKey(Storm, on_delete=models.CASCADE, related_name="kept", db_index=False)
    slot = models.IntegerField()
    number = models.BigIntegerField()
    trigger_id = models.UUIDField()
    event_key = models.CharField(max_length=255)
    snapshot = models.BinaryField()
    at = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["storm", "slot"], name="suppressed_trigger_slot")]

    def __str__(self) -> str:
        return f"{self.storm_id}#{self.number}"
