"""The embedded servers of a data directory, stopped and started again."""

import psycopg
import pytest
from redis import Redis

from launch import servers
from launch.data import DataDirectory, Runtime


@pytest.fixture
def data(tmp_path):
    directory = DataDirectory(tmp_path / "data")
    directory.make()
    return directory


def test_data_survives_a_stop_and_a_start_on_the_same_ports(data):
    first = servers.start(data, {})
    data.announce(Runtime("test", 1, first.database.url, first.redis.url))
    with psycopg.connect(first.database.url) as database:
        database.execute("CREATE TABLE kept (word text)")
        database.execute("INSERT INTO kept VALUES ('row')")
    with Redis.from_url(first.redis.url) as redis:
        redis.set("kept", "key")
    first.stop()
    second = servers.start(data, {})
    try:
        assert (second.database.url, second.redis.url) == (first.database.url, first.redis.url)
        with psycopg.connect(second.database.url) as database:
            assert database.execute("SELECT word FROM kept").fetchall() == [("row",)]
        with Redis.from_url(second.redis.url) as redis:
            assert redis.get("kept") == b"key"
    finally:
        second.stop()


def test_servers_that_the_environment_names_are_used_and_left_alone(data):
    given = {"DATABASE_URL": "postgres://there/db", "REDIS_URL": "redis://there/1"}
    running = servers.start(data, given)
    assert running.died() == []
    running.stop()
    environment = running.environment()
    assert environment["DATABASE_URL"] == given["DATABASE_URL"]
    assert environment["REDIS_URL"] == given["REDIS_URL"]
    assert environment["DATA_DIR"] == str(data.path)


def test_only_the_missing_server_is_started(data):
    running = servers.start(data, {"DATABASE_URL": "postgres://there/db"})
    try:
        assert running.database.embedded is None
        assert running.redis.embedded is not None
        running.redis.embedded.child.kill()
        running.redis.embedded.child.wait()
        assert [server.name for server in running.died()] == ["valkey"]
        running.restart(running.redis)
        assert running.died() == []
    finally:
        running.stop()
