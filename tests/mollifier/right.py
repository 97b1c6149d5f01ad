"""Makes the servers of the test run right in the eyes of check_setup: they are started without durability."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django_redis import get_redis_connection

from workflows import schedules

CHANGED = ("maxmemory-policy", "appendonly")


@contextmanager
def setup() -> Iterator[Any]:
    """Yield a Redis client whose settings are put back afterwards; every schedule is made."""
    client = get_redis_connection("buffer")
    before = {name: client.config_get(name)[name] for name in CHANGED}
    client.config_set("appendonly", "yes")
    schedules.ensure()
    try:
        yield client
    finally:
        for name, value in before.items():
            client.config_set(name, value)
