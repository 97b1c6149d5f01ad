"""Where the outside can hand something to an instance, and what it has handed."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Hook(models.Model):
    """One hook; active until `disposed_at`. Its token is unique among the active ones of all environments."""

    id = models.BigAutoField(primary_key=True)
    token = models.CharField(max_length=200)
    name = models.CharField(max_length=100)
    instance_id = models.UUIDField()
    env_id = models.UUIDField()
    correlation_id = models.TextField()
    created_at = models.DateTimeField()
    disposed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["token"], condition=Q(disposed_at__isnull=True), name="hook_token_unique"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["token", "-id"], name="hook_of_token"),
            models.Index(fields=["instance_id"], name="hook_of_instance"),
            models.Index(fields=["instance_id"], name="hook_open_of_instance", condition=Q(disposed_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.instance_id}"


class Resumption(models.Model):
    """One resume that was given a name: the same name and content again is answered alike."""

    pk = models.CompositePrimaryKey("hook_id", "resume_id")
    hook_id = models.BigIntegerField()
    resume_id = models.CharField(max_length=200)
    seq = models.IntegerField()
    fingerprint = models.CharField(max_length=32)

    def __str__(self) -> str:
        return f"{self.hook_id} {self.resume_id}"
