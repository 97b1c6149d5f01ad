"""The Django app of the operator's pages."""

from django.apps import AppConfig, apps
from django.contrib import admin
from django.db.models.signals import post_migrate


class DashboardConfig(AppConfig):
    name = "dashboard"
    verbose_name = "Dashboard"

    def ready(self) -> None:
        from dashboard import roles, site  # noqa: PLC0415  models are loaded only now

        site.arrange(admin.site)
        # Permissions are made by a receiver of auth, which is connected before this one.
        post_migrate.connect(roles.create_roles, sender=apps.get_app_config("workflows"))
