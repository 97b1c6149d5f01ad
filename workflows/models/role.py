"""What the roles of the pages were given."""

from typing import ClassVar

from django.contrib.auth.models import Group, Permission
from django.db import models


class RoleGrant(models.Model):
    """A permission that a release gave to a role's group. It is given once: what operators take from it stays taken."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+")
    permission = models.ForeignKey(Permission, on_delete=models.CASCADE, related_name="+")

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [models.UniqueConstraint(fields=["group", "permission"], name="role_grant_once")]

    def __str__(self) -> str:
        return f"{self.group_id}: {self.permission_id}"
