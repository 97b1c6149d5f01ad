"""System checks of the engine's settings: what can't be read stops the service at boot."""

from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import ImproperlyConfigured

from workflows import conf, tracing
from workflows.outbound import allowed
from workflows.outbound.allowed import AllowInvalid


def check_settings(**_: Any) -> list[CheckMessage]:
    """Check WORKFLOWS, where requests may go, the keys of secrets, and what traces need."""
    try:
        current = conf.current()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="workflows.E001")]
    return [*_allowed(current), *_keys(current), *_tracing(current)]


def _tracing(current: conf.Conf) -> list[CheckMessage]:
    if not current.tracing or tracing.installed():
        return []
    return [
        Warning(
            "WORKFLOWS_TRACING is on, but OpenTelemetry is not installed: nothing is traced",
            hint="Install requirements-otel.txt, or set WORKFLOWS_TRACING=off.",
            id="workflows.W002",
        )
    ]


def _allowed(current: conf.Conf) -> list[CheckMessage]:
    try:
        allowed.read(current.outbound_allow)
    except AllowInvalid as error:
        return [Error(str(error), id="workflows.E002")]
    return []


def _keys(current: conf.Conf) -> list[CheckMessage]:
    for number, key in enumerate(conf.secret_keys(), 1):
        try:
            Fernet(key)
        except ValueError:
            return [
                Error(
                    f"WORKFLOWS_SECRET_KEYS: key {number} is no Fernet key, 32 bytes as URL-safe base64",
                    id="workflows.E003",
                )
            ]
    # Served behind TLS alone: what production has and one's own machine has not.
    if not current.secret_keys and settings.SESSION_COOKIE_SECURE:
        return [
            Warning(
                "Tenants' secrets are encrypted under a key that is derived from SECRET_KEY",
                hint="Set WORKFLOWS_SECRET_KEYS, so that either can be changed without the other.",
                id="workflows.W001",
            )
        ]
    return []
