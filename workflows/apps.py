"""The Django app of the engine."""

from django.apps import AppConfig, apps
from django.core.checks import register
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules


class WorkflowsConfig(AppConfig):
    name = "workflows"
    verbose_name = "Workflows"

    def ready(self) -> None:
        from workflows import checks, schedules  # noqa: PLC0415  models are loaded only now

        register(checks.check_settings)
        autodiscover_modules("actions", "flows")
        post_migrate.connect(schedules.ensure, sender=apps.get_app_config("django_q"))
