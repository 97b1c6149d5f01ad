"""A task queue of the benchmark, on stores of this test."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from redis import Redis

from bench import jobs
from bench.peers.asking import Peer
from tests.processes import environment


@contextmanager
def queue(program: str) -> Iterator[Peer]:
    """Run its sender and its workers; leave nothing behind."""
    (known,) = [each for each in jobs.QUEUES if each.program == program]
    forget(program)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL"):
            patch.setenv(name, environment()[name])
        stores = jobs.made_stores(known)
    try:
        with jobs.running(program, stores) as peer:
            yield peer
    finally:
        forget(program)


def forget(program: str) -> None:
    """Drop its database, and empty its Redis."""
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{program}" WITH (FORCE)')
    with Redis.from_url(jobs.other_redis(environment()["REDIS_URL"])) as redis:
        redis.flushdb()
