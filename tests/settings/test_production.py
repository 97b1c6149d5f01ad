"""The production settings refuse to start on anything that was left out."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers

ROOT = Path(__file__).parents[2]
NEEDED = {
    "SECRET_KEY": "a-long-and-secret-key",
    "ALLOWED_HOSTS": "mollifier.example",
    "DATABASE_URL": "postgres://user@db.example/mollifier",
    "REDIS_URL": "redis://redis.example:6379/0",
}
SHOW = """
from django.conf import settings
print(settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT, settings.SESSION_COOKIE_SECURE, settings.DEBUG)
"""


def load(**given):
    env = servers.environment(DJANGO_SETTINGS_MODULE="settings.production", **given)
    command = [sys.executable, "-c", SHOW]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_it_starts_secure_when_everything_is_given():
    assert load(**NEEDED).stdout == "['mollifier.example'] True True False\n"


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_value_is_named(name):
    loaded = load(**{**NEEDED, name: ""})
    assert loaded.returncode == 1
    assert f"{name} is not set" in loaded.stderr
