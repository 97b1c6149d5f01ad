"""The two servers of a data directory: those that the environment names, else embedded ones."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from launch import postgres, process, valkey
from launch.data import DataDirectory, Runtime

Embedded = postgres.Postgres | valkey.Valkey


@dataclass
class Server:
    """One server. `embedded` is None when it is somebody else's."""

    name: str
    url: str
    embedded: Embedded | None


@dataclass
class Servers:
    """Both servers, with what starts an embedded one again."""

    data: DataDirectory
    database: Server
    redis: Server

    def environment(self) -> dict[str, str]:
        """Return the variables by which the service finds the servers, over those of this process."""
        return environment(self.data, self.database.url, self.redis.url)

    def died(self) -> list[Server]:
        """Return the embedded servers that no longer run."""
        return [
            each for each in (self.database, self.redis) if each.embedded and each.embedded.child.poll() is not None
        ]

    def restart(self, server: Server) -> None:
        """Start an embedded server again, on its port and data."""
        port = port_of(server.url)
        assert port is not None
        server.embedded = (
            _start_postgres(self.data, port) if server is self.database else _start_valkey(self.data, port)
        )

    def stop(self) -> None:
        """Stop the embedded servers cleanly; their data is complete on disk afterwards."""
        for server in (self.redis, self.database):
            if server.embedded:
                server.embedded.stop()


def start(data: DataDirectory, given: Mapping[str, str] = os.environ) -> Servers:
    """Start what the environment doesn't name, on the ports of the last start when they are free.

    Raises:
        LaunchError: a server does not come up.
    """
    before = data.runtime()
    database = Server("postgres", given.get("DATABASE_URL", ""), None)
    redis = Server("valkey", given.get("REDIS_URL", ""), None)
    servers = Servers(data, database, redis)
    try:
        if not database.url:
            database.embedded = _start_postgres(
                data, process.free_port(port_of(before.database_url) if before else None)
            )
            database.url = database.embedded.url
        if not redis.url:
            redis.embedded = _start_valkey(data, process.free_port(port_of(before.redis_url) if before else None))
            redis.url = redis.embedded.url
    except BaseException:
        servers.stop()
        raise
    return servers


def environment(data: DataDirectory, database_url: str, redis_url: str) -> dict[str, str]:
    """Return this process's environment with the names of the servers and the data directory set."""
    return {
        **os.environ,
        "DATA_DIR": str(data.path),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "settings.local"),
        "PYTHONUNBUFFERED": "1",
    }


def of(runtime: Runtime, data: DataDirectory) -> dict[str, str]:
    """Return the environment in which the servers of a running program are found."""
    database_url = os.environ.get("DATABASE_URL") or runtime.database_url
    return environment(data, database_url, os.environ.get("REDIS_URL") or runtime.redis_url)


def port_of(url: str) -> int | None:
    return urlsplit(url).port


def _start_postgres(data: DataDirectory, port: int) -> postgres.Postgres:
    return postgres.start(data.path / "postgres", port)


def _start_valkey(data: DataDirectory, port: int) -> valkey.Valkey:
    return valkey.start(data.path / "valkey", port)
