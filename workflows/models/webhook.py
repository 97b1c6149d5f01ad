"""Who outside is told of what happens here, what each was told, and the conditions that are watched for them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from workflows.models.tenant import Organization


class Webhook(models.Model):
    """An address that is told of an org's notices, or of everybody's when it has no org.

    The secret is encrypted; the previous one signs too until `previous_until`. `version` grows with each change, and
    `disabled_because` says why the service itself switched it off. Only workflows/webhooks.py writes it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = models.ForeignKey(Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="webhooks")
    url = models.TextField()
    types = ArrayField(models.CharField(max_length=40))
    enabled = models.BooleanField(default=True)
    disabled_because = models.CharField(max_length=200, default="", blank=True)
    ciphertext = models.TextField()
    previous_ciphertext = models.TextField(default="", blank=True)
    previous_until = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return self.origin

    @property
    def origin(self) -> str:
        """Return the address without its path, which may be a credential."""
        return "/".join(self.url.split("/")[:3])


class Delivery(models.Model):
    """One notice for one webhook. `event_id` is the webhook-id that the receiver sees, the same at every attempt.

    It waits while `next_at` says when to try; then it was delivered, or given up. `held_until` is how long whoever
    sends it has it to itself.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    event_id = models.UUIDField()
    type = models.CharField(max_length=40)
    body = models.TextField()
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)
    give_up_at = models.DateTimeField()
    last_at = models.DateTimeField(null=True)
    last_status = models.PositiveIntegerField(null=True)
    last_error = models.CharField(max_length=500, default="", blank=True)
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name_plural = "deliveries"
        permissions: ClassVar = [("redeliver_delivery", "Can send pings, and deliveries again")]
        constraints: ClassVar = [models.UniqueConstraint(fields=["webhook", "event_id"], name="delivery_once")]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], name="delivery_due", condition=Q(next_at__isnull=False)),
            models.Index(fields=["webhook"], name="delivery_waiting", condition=Q(next_at__isnull=False)),
            models.Index(fields=["webhook", "-created_at"], name="delivery_of_webhook"),
            models.Index(fields=["created_at"], name="delivery_at"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"

    @property
    def state(self) -> str:
        """Return waiting, delivered or failed."""
        if self.next_at is not None:
            return "waiting"
        return "failed" if self.delivered_at is None else "delivered"


class DeliveryCount(models.Model):
    """How many attempts at deliveries ended how, since ever; one row an outcome."""

    outcome = models.CharField(max_length=20, primary_key=True)
    total = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.outcome}: {self.total}"


class Watch(models.Model):
    """A condition that is told of when it begins and when it has ended.

    It goes on while `began_at` is set; `seen_at` is when it was last seen to hold, `most` the worst that was seen
    since, and `counter` what the last look counted from.
    """

    name = models.CharField(max_length=20, primary_key=True)
    began_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    most = models.BigIntegerField(default=0)
    counter = models.BigIntegerField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
