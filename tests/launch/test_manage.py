"""bin/manage: with servers of its own, and with those of whoever holds the data directory."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from launch import servers as embedded
from launch.data import DataDirectory, Runtime
from tests import servers, waiting

ROOT = Path(__file__).parents[2]
ASK = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT inet_server_port()")
    print(cursor.fetchone()[0])
"""
pytestmark = pytest.mark.processes


def manage(data, *arguments, **changes):
    given = {"DATABASE_URL": "", "REDIS_URL": "", "DJANGO_SETTINGS_MODULE": "settings.local", "SECRET_KEY": ""}
    env = servers.environment(DATA_DIR=str(data), **{**given, **changes})
    command = [sys.executable, str(ROOT / "bin" / "manage"), *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result(child):
    printed, said = child.communicate(timeout=60)
    assert child.returncode == 0, said
    return printed.strip()


def test_a_command_finds_servers_that_start_and_end_with_it(tmp_path):
    assert result(manage(tmp_path, "shell", "--no-imports", "-c", ASK)).isdigit()
    assert not DataDirectory(tmp_path).is_held()
    assert not (tmp_path / "postgres" / "data" / "postmaster.pid").exists()


def test_a_command_uses_the_servers_of_a_running_bin_up(tmp_path):
    data = DataDirectory(tmp_path)
    with data.held():
        running = embedded.start(data, {})
        try:
            data.announce(Runtime("bin/up", os.getpid(), running.database.url, running.redis.url))
            port = result(manage(tmp_path, "shell", "--no-imports", "-c", ASK))
            assert int(port) == embedded.port_of(running.database.url)
        finally:
            running.stop()


def test_a_second_command_waits_for_the_first(tmp_path):
    first = manage(tmp_path, "shell", "--no-imports", "-c", "print('here', flush=True); input()")
    data = DataDirectory(tmp_path)
    waiting.until(lambda: data.runtime() is not None, 30)
    second = manage(tmp_path, "shell", "--no-imports", "-c", "print('after')")
    assert "in use by bin/manage" in second.stderr.readline()
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=30)
    assert result(second) == "after"


def test_the_status_of_the_command_is_that_of_bin_manage(tmp_path):
    child = manage(tmp_path, "shell", "--no-imports", "-c", "raise SystemExit(3)")
    child.communicate(timeout=60)
    assert child.returncode == 3


def test_servers_that_the_environment_names_are_used_as_they_are(tmp_path):
    test_run = servers.environment()
    given = {name: test_run[name] for name in ("DATABASE_URL", "REDIS_URL")}
    port = result(manage(tmp_path, "shell", "--no-imports", "-c", ASK, **given))
    assert int(port) == embedded.port_of(given["DATABASE_URL"])
    assert not (tmp_path / "postgres").exists()


def test_a_database_that_is_away_is_told_in_a_line_and_refused(tmp_path):
    away = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    child = manage(tmp_path, "flags", "list", **away, SECRET_KEY="only for tests")
    printed, said = child.communicate(timeout=60)
    assert (child.returncode, printed) == (1, "")
    assert said.splitlines()[-1].startswith("the database did not do it: ")
    assert "Traceback" not in said
