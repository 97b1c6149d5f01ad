"""What operators decided about dead letters."""

from typing import ClassVar

from django.db import models

from workflows.models.acted import Acted
from workflows.models.tenant import Environment


class Decision(models.TextChoices):
    """What is done with a dead letter."""

    REDRIVEN = "redriven"
    DISCARDED = "discarded"


class DeadLetterDecision(Acted):
    """One dead letter tried again or removed: who, why, and what it was. Never changed, never deleted."""

    entry_id = models.UUIDField()
    env = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="dead_letter_decisions")
    decision = models.CharField(max_length=10, choices=Decision.choices)
    definition = models.CharField(max_length=100)
    error = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["env", "-id"], name="dead_letter_decision_of_env")]
        permissions: ClassVar = [
            ("redrive_deadletter", "Can redrive a dead letter"),
            ("discard_deadletter", "Can discard a dead letter"),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.decision}"
