"""UNFOLD: name, colours and navigation of the operator pages."""

from collections.abc import Callable

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

HUE = "222"


def asset(path: str) -> Callable[[HttpRequest], str]:
    """Name a static file late, when its hashed address is known."""
    return lambda _request: static(path)


def may(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def item(title: str, icon: str, address: str, permission: str) -> dict[str, object]:
    return {"title": title, "icon": icon, "link": reverse_lazy(address), "permission": may(permission)}


UNFOLD: dict[str, object] = {
    "SITE_TITLE": "Mollifier",
    "SITE_HEADER": "Mollifier",
    "SITE_SUBHEADER": "Burst smoothing and workflows",
    "SITE_URL": None,
    "SITE_ICON": asset("dashboard/mark.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": asset("dashboard/mark.svg")}],
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": f"oklch(97.5% .013 {HUE})",
            "100": f"oklch(94.5% .032 {HUE})",
            "200": f"oklch(89% .058 {HUE})",
            "300": f"oklch(81% .09 {HUE})",
            "400": f"oklch(73% .115 {HUE})",
            "500": f"oklch(66% .125 {HUE})",
            "600": f"oklch(50% .105 {HUE})",
            "700": f"oklch(43% .09 {HUE})",
            "800": f"oklch(37% .075 {HUE})",
            "900": f"oklch(31% .06 {HUE})",
            "950": f"oklch(23% .045 {HUE})",
        },
    },
    "STYLES": [asset("dashboard/pages.css"), asset("dashboard/theme.css")],
    "SCRIPTS": [asset("dashboard/dialog.js"), asset("dashboard/landmarks.js")],
    "DASHBOARD_CALLBACK": "dashboard.views.add_overview",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "Now",
                "items": [
                    item("Overview", "monitoring", "admin:index", "workflows.view_instance"),
                    item("Buffer", "inbox", "dashboard:buffer", "workflows.view_instance"),
                    item("Instances", "play_circle", "admin:workflows_instance_changelist", "workflows.view_instance"),
                    item(
                        "Bulk actions",
                        "checklist",
                        "admin:workflows_bulkaction_changelist",
                        "workflows.view_bulkaction",
                    ),
                    item("Storms", "cyclone", "admin:workflows_storm_changelist", "workflows.view_storm"),
                    item("Shards", "view_week", "admin:workflows_shard_changelist", "workflows.view_shard"),
                    item("Runbooks", "menu_book", "dashboard:runbooks", "workflows.view_instance"),
                ],
            },
            {
                "title": "Tenants",
                "items": [
                    item(
                        "Organizations",
                        "domain",
                        "admin:workflows_organization_changelist",
                        "workflows.view_organization",
                    ),
                    item(
                        "Environments",
                        "deployed_code",
                        "admin:workflows_environment_changelist",
                        "workflows.view_environment",
                    ),
                    item("API keys", "key", "admin:workflows_apikey_changelist", "workflows.view_apikey"),
                    item("Secrets", "lock", "admin:workflows_secret_changelist", "workflows.view_secret"),
                ],
            },
            {
                "title": "Set-up",
                "items": [
                    item(
                        "Definitions",
                        "account_tree",
                        "admin:workflows_definition_changelist",
                        "workflows.view_definition",
                    ),
                    item("Bindings", "hub", "admin:workflows_binding_changelist", "workflows.view_binding"),
                    item("Schedules", "schedule", "admin:workflows_schedule_changelist", "workflows.view_schedule"),
                    item("Actions", "bolt", "admin:workflows_actionswitch_changelist", "workflows.view_actionswitch"),
                    item("Webhooks", "webhook", "admin:workflows_webhook_changelist", "workflows.view_webhook"),
                    item(
                        "Rollout plans",
                        "stairs",
                        "admin:workflows_rolloutplan_changelist",
                        "workflows.view_rolloutplan",
                    ),
                    item("Effective settings", "tune", "dashboard:settings", "workflows.view_auditrecord"),
                ],
            },
            {
                "title": "Records",
                "items": [
                    item("Audit", "history", "admin:workflows_auditrecord_changelist", "workflows.view_auditrecord"),
                    item(
                        "Rollout changes",
                        "flag",
                        "admin:workflows_flagchange_changelist",
                        "workflows.view_flagchange",
                    ),
                    item(
                        "Dead letter decisions",
                        "mark_email_unread",
                        "admin:workflows_deadletterdecision_changelist",
                        "workflows.view_deadletterdecision",
                    ),
                    item(
                        "Secret changes",
                        "manage_history",
                        "admin:workflows_secretchange_changelist",
                        "workflows.view_secretchange",
                    ),
                    item("Deliveries", "outbox", "admin:workflows_delivery_changelist", "workflows.view_delivery"),
                ],
            },
            {
                "title": "People",
                "items": [
                    item("Users", "person", "admin:auth_user_changelist", "auth.view_user"),
                    item("Groups", "group", "admin:auth_group_changelist", "auth.view_group"),
                ],
            },
        ],
    },
}
