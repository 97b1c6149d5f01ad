"""Which emitted events start which definition."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from uuid_utils.compat import uuid7

from workflows import conditions
from workflows.matching import PATTERN, PATTERN_HELP
from workflows.models.tenant import Environment, Organization
from workflows.models.version import Versioned

MAX_WINDOW_SECONDS = 7 * 24 * 3600


class LoopPolicy(models.TextChoices):
    """What a binding does with an event that an instance emitted."""

    IGNORE = "ignore", "Ignore events of instances"
    AVOID_LOOP = "avoid_loop", "Skip a definition already on the chain"
    ALLOW_ALL = "allow_all", "Allow all"


class Binding(Versioned):
    """One trigger for each matching event, where it is enabled.

    Without an org it is everybody's, without an env it is of each of the org's. An empty condition always holds. A
    limit or window of null is the definition's, else that of the settings; a limit of 0 asks no damper.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = models.ForeignKey(Organization, null=True, blank=True, on_delete=models.CASCADE, related_name="bindings")
    env = models.ForeignKey(Environment, null=True, blank=True, on_delete=models.CASCADE, related_name="bindings")
    pattern = models.CharField(max_length=100, help_text=PATTERN_HELP)
    definition = models.CharField(max_length=100, help_text="Slug of the definition that is started.")
    condition = models.CharField(
        max_length=conditions.MAX_LENGTH,
        blank=True,
        default="",
        help_text='Over the payload, such as payload.total > 100 and payload.country in ["SE", "FI"].',
    )
    loop_policy = models.CharField(max_length=10, choices=LoopPolicy.choices, default=LoopPolicy.AVOID_LOOP)
    enabled = models.BooleanField(default=True)
    limit = models.IntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(1_000_000)],
        help_text="Live instances that the events of one type may have; 0 is no limit, empty the definition's.",
    )
    window_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How far back they are counted, from a minute to 7 days; empty is the definition's.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["pattern", "definition", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["org", "env", "pattern", "definition", "condition"],
                name="binding_unique",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.pattern} -> {self.definition}"

    def clean(self) -> None:
        if not PATTERN.fullmatch(self.pattern):
            raise ValidationError({"pattern": PATTERN_HELP})
        try:
            conditions.check(self.condition)
        except conditions.ConditionInvalid as error:
            raise ValidationError({"condition": str(error)}) from error
        if self.env is not None and self.org_id is None:
            self.org = self.env.org
        if self.env is not None and self.env.org_id != self.org_id:
            raise ValidationError({"env": "It is an environment of another organization."})
