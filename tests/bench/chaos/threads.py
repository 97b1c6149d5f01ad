"""The threads that a sending process keeps for its life, given back at the end of a test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from django.db import connection


@contextmanager
def given_back(module: ModuleType) -> Iterator[None]:
    """Have every thread of the module close its connection: they meet first, so that each of them takes one turn."""
    module.threads.cache_clear()
    yield
    pool = module.threads()
    count = pool._max_workers
    met = threading.Barrier(count)

    def close() -> None:
        met.wait(30)
        connection.close()

    for each in [pool.submit(close) for _ in range(count)]:
        each.result(60)
    pool.shutdown()
    module.threads.cache_clear()
