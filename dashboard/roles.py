"""The groups that an operator is put into: one permission a verb, three roles on top of them."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

from workflows.models import RoleGrant

VIEW = (
    "view_organization",
    "view_environment",
    "view_organizationflags",
    "view_flagchange",
    "view_rolloutplan",
    "view_auditrecord",
    "view_bulkaction",
    "view_deadletterdecision",
    "view_definition",
    "view_binding",
    "view_storm",
    "view_actionswitch",
    "view_instance",
    "view_schedule",
    "view_shard",
    "view_webhook",
    "view_delivery",
)
OPERATE = (
    *VIEW,
    "change_organizationflags",
    "cancel_instance",
    "change_instance",
    "redrive_deadletter",
    "discard_deadletter",
    "add_definition",
    "change_definition",
    "add_binding",
    "change_binding",
    "close_storm",
    "replay_storm",
    "add_schedule",
    "change_schedule",
    "run_schedule",
    "change_actionswitch",
    "change_shard",
    "redeliver_delivery",
)
ADMINISTER = (
    *OPERATE,
    "add_organization",
    "change_organization",
    "add_environment",
    "change_environment",
    "view_apikey",
    "add_apikey",
    "change_apikey",
    "view_secret",
    "add_secret",
    "change_secret",
    "delete_secret",
    "view_secretchange",
    "add_webhook",
    "change_webhook",
    "delete_webhook",
    "export_payload",
)
ROLES = {"Viewer": VIEW, "Operator": OPERATE, "Admin": ADMINISTER}
ACCOUNTS = ("add_user", "change_user", "view_user", "view_group")


def create_roles(apps: Any = None, **_signal: Any) -> None:
    """Make the groups that are missing, after a migration, and give each what this release has and it never had.

    What operators gave a group stays, and what they took from it is not given again.
    """
    if apps is not None and "rolegrant" not in apps.all_models["workflows"]:
        return  # A migration that ends before there is a place to note it.
    for name, verbs in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        given = RoleGrant.objects.filter(group=group).values("permission")
        due = list(permissions(name, verbs).exclude(pk__in=given))
        group.permissions.add(*due)
        RoleGrant.objects.bulk_create([RoleGrant(group=group, permission=each) for each in due], ignore_conflicts=True)


def permissions(role: str, verbs: Iterable[str]) -> QuerySet[Permission]:
    """Find what a role is meant to hold."""
    wanted = Q(content_type__app_label="workflows", codename__in=verbs)
    if role == "Admin":
        wanted |= Q(content_type__app_label="auth", codename__in=ACCOUNTS)
    return Permission.objects.filter(wanted)
