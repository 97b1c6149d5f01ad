"""The servers of a benchmark."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from bench import ground
from launch.process import LaunchError


@pytest.mark.processes
def test_it_has_servers_of_its_own_with_every_table_and_leaves_nothing_behind() -> None:
    with ground.environment_of_own() as variables:
        place = Path(variables["DATA_DIR"])
        with psycopg.connect(variables["DATABASE_URL"]) as link:
            assert link.execute("SELECT count(*) FROM workflows_instance").fetchone() == (0,)
            assert link.execute("SHOW fsync").fetchone() == ("on",)
        port = urlsplit(variables["REDIS_URL"]).port
        socket.create_connection(("127.0.0.1", port or 0), timeout=1).close()
    assert not place.exists()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port or 0), timeout=1)


def test_a_database_that_can_not_be_migrated_is_told() -> None:
    with pytest.raises(LaunchError, match="migrate failed"):
        ground.migrate({"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "SECRET_KEY": "x"})
