"""Who uses the service: organizations, their environments and API keys."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager
from uuid_utils.compat import uuid7

from workflows.apikeys import ApiKeyGenerator
from workflows.models.version import Versioned
from workflows.scopes import DEFAULT_SCOPES, Scopes
from workflows.states import choices


class Organization(Versioned):
    """A tenant."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["slug"]

    def __str__(self) -> str:
        return self.slug


class Environment(Versioned):
    """A tenant's environment; triggers, instances and keys belong to one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="environments")
    slug = models.SlugField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["org_id", "slug"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["org", "slug"], name="environment_slug_unique")]

    def __str__(self) -> str:
        return self.slug


class ApiKeyManager(BaseAPIKeyManager):
    key_generator = ApiKeyGenerator()


def default_scopes() -> list[str]:
    return list(DEFAULT_SCOPES)


class ApiKey(AbstractAPIKey, Versioned):
    """A key bound to one environment, stored as prefix and hash, shown once."""

    objects: ClassVar[ApiKeyManager] = ApiKeyManager()  # type: ignore[assignment]

    env = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="api_keys")
    scopes = ArrayField(models.CharField(max_length=40, choices=choices(Scopes)), default=default_scopes)

    class Meta(AbstractAPIKey.Meta):
        abstract = False
