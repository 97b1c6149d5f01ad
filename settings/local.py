"""One machine: what bin/up runs. The secret key comes from its data directory."""

from settings import env
from settings.base import *  # noqa: F403

SECRET_KEY = SECRET_KEY or env.kept("secret_key")
