"""The test run: real servers, started by tests/conftest.py, and cheap passwords."""

from settings import mollifier, workflows
from settings.base import *  # noqa: F403

SECRET_KEY = "only-for-tests"  # noqa: S105
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WORKFLOWS = {**workflows.WORKFLOWS, "SNAPSHOT_REFRESH_MS": 0}  # tests say when
# Static files straight from the apps: no test collects them first.
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
# A loaded machine is not an outage; tests of the gate's time-out set their own.
MOLLIFIER = {**mollifier.MOLLIFIER, "EXCHANGE_TIMEOUT_MS": 5_000}
