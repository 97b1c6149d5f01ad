"""Per-org rollout flags and their history."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from workflows.models.acted import Acted
from workflows.models.tenant import Organization
from workflows.models.version import Versioned


class RolloutMode(models.TextChoices):
    """How far an org is enrolled; the words are the gate's."""

    OFF = "off"
    SHADOW = "shadow"
    MIRROR = "mirror"
    ON = "on"


class OrganizationFlags(Versioned):
    """What an operator flips for one org; null means the default of the settings. `version` is its ETag."""

    org = models.OneToOneField(Organization, primary_key=True, on_delete=models.CASCADE, related_name="flags")
    mode = models.CharField(max_length=10, choices=RolloutMode.choices, default=RolloutMode.OFF)
    percent = models.PositiveSmallIntegerField(
        default=100, validators=[MaxValueValidator(100)], help_text="Share of the org's environments that is enrolled."
    )
    limit = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Passes per environment and window."
    )
    window_ms = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    hold_ms = models.PositiveIntegerField(null=True, blank=True)
    org_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Passes of all its environments together; 0 is no limit."
    )
    org_window_ms = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    weight = models.FloatField(
        default=1.0, validators=[MinValueValidator(0.01), MaxValueValidator(1000)], help_text="Share of the drainer."
    )
    paused = models.BooleanField(default=False, help_text="Nothing of the org is drained; what is buffered waits.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "organization flags"

    def __str__(self) -> str:
        return f"{self.org_id}: {self.mode}"


class FlagChange(Acted):
    """One flip: who, why, before and after. Never changed, never deleted."""

    org = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="flag_changes")
    before = models.JSONField()
    after = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["org", "-id"], name="flag_change_of_org")]

    def __str__(self) -> str:
        return f"{self.org.slug}: {self.before.get('mode')} -> {self.after.get('mode')}"
