"""What an operator sets of a registered workflow; no row means the defaults."""

from django.core.validators import MinValueValidator
from django.db import models

from workflows.models.version import Versioned


class ShardBy(models.TextChoices):
    """What an instance's shard is computed from."""

    INSTANCE = "instance"
    DEFINITION = "definition"


class Definition(Versioned):
    """Switches a definition off, pins all its instances to one shard, or limits how many pass the gate."""

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

    def __str__(self) -> str:
        return self.slug
