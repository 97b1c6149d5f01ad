"""What bin/up runs, with one address more."""

from settings.local import *  # noqa: F403

ROOT_URLCONF = "bench.empty.urls"
