"""What an operator sets of a workflow, the versions of a declared one, and who changed what."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models

from workflows.models.acted import Acted
from workflows.models.json import RawJsonField
from workflows.models.version import Versioned


class ShardBy(models.TextChoices):
    """What an instance's shard is computed from."""

    INSTANCE = "instance"
    DEFINITION = "definition"


class Definition(Versioned):
    """Switches a definition off, pins all its instances to one shard, or limits how many pass the gate.

    Of a workflow in code a row is needed only to set something; a declared one has its row from the first version on.
    """

    slug = models.SlugField(max_length=100, primary_key=True)
    active = models.BooleanField(default=True)
    shard_by = models.CharField(max_length=10, choices=ShardBy.choices, default=ShardBy.INSTANCE)

    limit = models.PositiveIntegerField(
        default=0, help_text="Passes of this definition in each environment and window; 0 is no limit."
    )
    window_ms = models.PositiveIntegerField(default=1_000, validators=[MinValueValidator(1)])
    event_limit = models.IntegerField(
        null=True, blank=True, help_text="Live instances that events of one type may have; 0 is no limit."
    )
    event_window_seconds = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="How far back those are counted."
    )

    declared_version = models.PositiveIntegerField(null=True, editable=False)
    needs = ArrayField(models.CharField(max_length=100), default=list, editable=False)

    def __str__(self) -> str:
        return self.slug


class VersionFixed(Exception):
    """A version of a definition is never changed: instances are pinned to it."""

    code = "version_fixed"


class DefinitionVersion(models.Model):
    """One version of a declared definition, as it was saved."""

    definition = models.ForeignKey(Definition, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    document = RawJsonField()
    interpreter_version = models.PositiveSmallIntegerField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=150)
    reason = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["definition", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["definition", "number"], name="definition_version_unique")
        ]

    def __str__(self) -> str:
        return f"{self.definition_id} {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise VersionFixed(f"{self} is never changed; save another version")
        super().save(*args, **kwargs)


class DefinitionChange(Acted):
    """One change of a definition: who, why, before and after. Never changed; it outlives the definition."""

    slug = models.CharField(max_length=100)
    before = models.JSONField()
    after = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["slug", "-id"], name="definition_change_of_slug")]

    def __str__(self) -> str:
        return f"{self.slug}: {self.before} -> {self.after}"
