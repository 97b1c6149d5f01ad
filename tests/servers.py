"""Pytest plugin: the servers of a test run, started before Django reads its settings.

DATABASE_URL and REDIS_URL are used when given, else embedded servers start. Parallel workers share PostgreSQL, each
with a database of its own (pytest-django). Each has a Redis of its own, so a test may change how that behaves; a Redis
that was given is shared, by database.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from launch import postgres, process, valkey

# Set while Redis is ours: where each worker may start its own.
PLACE = "TESTS_PLACE"


def start() -> None:
    """Start what the environment does not name, name it there, and stop it when the run ends."""
    place = Path(tempfile.mkdtemp(prefix="mollifier-tests-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    os.environ.setdefault("DATA_DIR", str(place / "data"))
    if not os.environ.get("DATABASE_URL"):
        server = postgres.start(place / "postgres", process.free_port(), postgres.THROWAWAY)
        os.environ["DATABASE_URL"] = server.url
        atexit.register(server.stop)
    if not os.environ.get("REDIS_URL"):
        os.environ[PLACE] = str(place)
        start_redis(place / "valkey")


def start_redis(place: Path) -> None:
    server = valkey.start(place, process.free_port(), valkey.THROWAWAY)
    os.environ["REDIS_URL"] = server.url
    atexit.register(server.stop)


def environment(**changes: str) -> dict[str, str]:
    """Return what a process that a test starts should find in its environment."""
    return {**os.environ, **changes}


def take_own_redis(worker: str) -> None:
    """Give this worker a server of its own where they are ours, else the database of its number."""
    if place := os.environ.get(PLACE):
        start_redis(Path(place) / worker)
        return
    parts = urlsplit(os.environ["REDIS_URL"])
    number = int(worker.removeprefix("gw")) + 1
    os.environ["REDIS_URL"] = urlunsplit(parts._replace(path=f"/{number}"))


if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    take_own_redis(worker)
else:
    start()
