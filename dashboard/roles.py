"""The groups that an operator is put into: one permission a verb, three roles on top of them."""

from typing import Any

from django.contrib.auth.models import Group, Permission

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


def create_roles(**_signal: Any) -> None:
    """Create the groups that are missing, after a migration; a group that is there stays as operators made it."""
    for name, verbs in ROLES.items():
        group, created = Group.objects.get_or_create(name=name)
        if created:
            group.permissions.set(Permission.objects.filter(content_type__app_label="workflows", codename__in=verbs))
            if name == "Admin":
                group.permissions.add(*Permission.objects.filter(content_type__app_label="auth", codename__in=ACCOUNTS))
