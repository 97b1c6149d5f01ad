"""qcluster by its command line."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django_redis import get_redis_connection

from tests.mollifier import chores, clusters


@pytest.fixture
def start():
    with clusters.started() as start_one:
        yield start_one


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_each_cluster_gives_itself_its_own_boot_tasks(start):
    start("--name", "pump").wait_for("pump-started")
    seen = get_redis_connection("buffer").lrange(chores.SEEN, 0, -1)
    assert [entry.split()[0] for entry in seen] == [b"pump-started"]


def test_a_cluster_that_nobody_configured_is_refused():
    with pytest.raises(CommandError, match="mollifier, pump"):
        call_command("qcluster", "--name", "nope")


def test_a_cluster_does_not_start_on_a_pool_of_connections(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"pool": True})
    with pytest.raises(CommandError, match="pool"):
        call_command("qcluster")
