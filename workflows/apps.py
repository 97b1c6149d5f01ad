"""The Django app of the engine."""

from contextlib import suppress
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import register
from django.core.exceptions import ImproperlyConfigured
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules


class WorkflowsConfig(AppConfig):
    name = "workflows"
    verbose_name = "Workflows"

    def __init__(self, *names: Any) -> None:
        super().__init__(*names)
        # Steps are traced from where they are declared, so before any module of an app declares one.
        from workflows import conf, tracing  # noqa: PLC0415

        with suppress(ImproperlyConfigured):  # which the check of the settings tells
            if conf.current().tracing:
                tracing.switch_on()

    def ready(self) -> None:
        from workflows import checks, schedules  # noqa: PLC0415  models are loaded only now

        register(checks.check_settings)
        autodiscover_modules("actions", "flows")
        post_migrate.connect(schedules.ensure, sender=apps.get_app_config("django_q"))
