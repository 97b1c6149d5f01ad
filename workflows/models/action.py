"""What an operator set of an action; no row means that it may run."""

from django.db import models

from workflows.models.acted import Reasoned
from workflows.models.version import Versioned


class ActionSwitch(Reasoned, Versioned):
    """Switches an action off, with the reason that the steps it fails will show."""

    name = models.CharField(max_length=100, primary_key=True)
    disabled = models.BooleanField(default=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "action"

    def __str__(self) -> str:
        return f"{self.name}: {'off' if self.disabled else 'on'}"
