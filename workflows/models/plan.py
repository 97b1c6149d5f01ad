"""Rollouts that go forward by themselves: the plan of an org, and what became of it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from workflows.models.acted import Acted, Reasoned
from workflows.models.tenant import Organization


class PlanStatus(models.TextChoices):
    """How a plan stands; the first two are under way."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"


UNDER_WAY = (PlanStatus.RUNNING, PlanStatus.PAUSED)


class PlanEventKind(models.TextChoices):
    """What happened to a plan."""

    BEGUN = "begun"
    ADVANCED = "advanced"
    PAUSED = "paused"
    RESUMED = "resumed"
    FINISHED = "finished"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"


class RolloutPlan(Acted):
    """One org's way up, a step at a time. Only `workflows.intake.plans` writes it.

    `steps` are JSON: mode, percent and the seconds each bakes. `step` is where it stands since `step_at`, and
    `looked_at` when it was last judged. `flags_version` is that of the flags as the plan left them, `before` the mode
    and percentage it began from. `baseline` holds the counters at `step_at`; a step is judged by what came since.
    """

    org = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="rollout_plans")
    status = models.CharField(max_length=12, choices=PlanStatus.choices, default=PlanStatus.RUNNING)
    steps = models.JSONField()
    step = models.PositiveSmallIntegerField(default=0)
    step_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True)
    flags_version = models.BigIntegerField()
    before = models.JSONField()
    baseline = models.JSONField()
    max_drain_failures = models.PositiveIntegerField()
    max_dwell_p95_ms = models.PositiveIntegerField()
    max_stale = models.PositiveIntegerField()
    max_fail_open_percent = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["org"], condition=Q(status__in=["running", "paused"]), name="one_plan_under_way_of_an_org"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["looked_at"], condition=Q(status="running"), name="rollout_plan_running")
        ]

    def __str__(self) -> str:
        return f"rollout of {self.org.slug}: {self.get_status_display().lower()}"


class PlanEvent(Reasoned):
    """One thing that happened to a plan: who, when, why, and what was measured."""

    plan = models.ForeignKey(RolloutPlan, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=12, choices=PlanEventKind.choices)
    step = models.PositiveSmallIntegerField()
    measured = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.plan_id}: {self.kind}"
