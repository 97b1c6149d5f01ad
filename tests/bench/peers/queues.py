"""The stores of a task queue of the benchmark, gone after the test."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from redis import Redis

from bench import jobs
from tests.processes import environment


@contextmanager
def stores_of(program: str) -> Iterator[list[str]]:
    """Make them on this test's servers; yield their addresses."""
    (known,) = [each for each in jobs.QUEUES if each.program == program]
    forget(program)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL"):
            patch.setenv(name, environment()[name])
        made = jobs.made_stores(known)
    try:
        yield made
    finally:
        forget(program)


def forget(program: str) -> None:
    """Drop its database, and empty its Redis."""
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{program}" WITH (FORCE)')
    with Redis.from_url(jobs.other_redis(environment()["REDIS_URL"])) as redis:
        redis.flushdb()
