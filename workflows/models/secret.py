"""What tenants keep secret, encrypted, and the record of who changed it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from workflows.models.acted import Acted
from workflows.models.tenant import Environment, Organization


class Secret(models.Model):
    """A named secret of an org, or of one of its environments, which then goes before the org's."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="secrets")
    env = models.ForeignKey(Environment, null=True, blank=True, on_delete=models.PROTECT, related_name="secrets")
    name = models.CharField(max_length=100)
    ciphertext = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    rotated_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["org_id", "name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "env", "name"], name="secret_of_env_unique"),
            models.UniqueConstraint(fields=["org", "name"], name="secret_of_org_unique", condition=Q(env__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.name


class SecretVerb(models.TextChoices):
    """What was done to a secret."""

    CREATED = "created"
    ROTATED = "rotated"
    DELETED = "deleted"


class SecretChange(Acted):
    """One change of a secret: who, when, why; never what it is. Never changed, never deleted."""

    org = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="secret_changes")
    env = models.ForeignKey(Environment, null=True, on_delete=models.PROTECT, related_name="secret_changes")
    name = models.CharField(max_length=100)
    verb = models.CharField(max_length=10, choices=SecretVerb.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["org", "-id"], name="secret_change_of_org")]

    def __str__(self) -> str:
        return f"{self.name}: {self.verb}"
