"""When definitions start by the clock, and what became of each fire."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from workflows.models.json import RawJsonField
from workflows.models.tenant import Environment


class Overlap(models.TextChoices):
    """What a fire does while the instance of the one before has not finished."""

    SKIP = "skip"
    ALLOW = "allow"
    QUEUE = "queue"


class CatchUp(models.TextChoices):
    """Which of the fires that were missed is made up for: none, or the last of them."""

    NONE = "none"
    LAST = "last"


class Schedule(models.Model):
    """A definition started by cron, in one environment.

    `next_at` is the fire that is due next, `wake_at` when the row is looked at: then, or later while a fire is tried
    again. `queued_at` is the fire that waits for `last_instance` to finish. `unsettled`: what became of the try at
    `next_at` is not known, so the next one is for the same fire.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    env = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="schedules")
    definition = models.CharField(max_length=100)
    cron = models.CharField(max_length=100)
    timezone = models.CharField(max_length=64, default="UTC")
    payload = RawJsonField(null=True)
    overlap = models.CharField(max_length=5, choices=Overlap.choices, default=Overlap.SKIP)
    catch_up = models.CharField(max_length=4, choices=CatchUp.choices, default=CatchUp.LAST)
    enabled = models.BooleanField(default=True)
    next_at = models.DateTimeField(null=True, editable=False)
    wake_at = models.DateTimeField(null=True, editable=False)
    queued_at = models.DateTimeField(null=True, editable=False)
    unsettled = models.BooleanField(default=False, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    last_at = models.DateTimeField(null=True, editable=False)
    last_instance = models.UUIDField(null=True, editable=False)
    last_outcome = models.CharField(max_length=20, default="", editable=False)
    last_detail = models.TextField(default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        permissions: ClassVar = [("run_schedule", "Can run a schedule now")]
        indexes: ClassVar = [
            models.Index(fields=["wake_at"], name="schedule_due", condition=Q(wake_at__isnull=False)),
            models.Index(fields=["env", "-id"], name="schedule_of_env"),
        ]

    def __str__(self) -> str:
        return f"{self.definition} {self.cron}"


class ScheduleFires(models.Model):
    """How many fires ended how, since ever; one row an outcome."""

    outcome = models.CharField(max_length=20, primary_key=True)
    total = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.outcome}: {self.total}"
