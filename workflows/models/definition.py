"""What an operator sets of a registered workflow; no row means the defaults."""

from django.db import models

from workflows.models.version import Versioned


class ShardBy(models.TextChoices):
    """What an instance's shard is computed from."""

    INSTANCE = "instance"
    DEFINITION = "definition"


class Definition(Versioned):
    """Switches a definition off, or pins all its instances to one shard."""

    slug = models.SlugField(max_length=100, primary_key=True)
    active = models.BooleanField(default=True)
    shard_by = models.CharField(max_length=10, choices=ShardBy.choices, default=ShardBy.INSTANCE)

    def __str__(self) -> str:
        return self.slug
