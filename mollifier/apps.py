"""The Django app of the mollifier; it has no models."""

from django.apps import AppConfig
from django.core.checks import register

from mollifier import checks


class MollifierConfig(AppConfig):
    name = "mollifier"
    verbose_name = "Mollifier"

    def ready(self) -> None:
        """Register the system checks."""
        register(checks.check_settings)
        register(checks.check_redis)
