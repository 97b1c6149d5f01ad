"""The data directory: one holder, private secrets, what it tells."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from launch.data import DataDirectory, InUseError, Runtime
from launch.process import LaunchError

RUNTIME = Runtime("bin/up", 4711, "postgres://p", "redis://r", "http://127.0.0.1:8000")


@pytest.fixture
def data(tmp_path):
    return DataDirectory(tmp_path / "data")


def test_the_secret_key_is_made_once_and_kept_from_others(data):
    data.make()
    key = data.path / "secret_key"
    first = key.read_text()
    data.make()
    assert len(first) >= 50
    assert key.read_text() == first
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(data.path.stat().st_mode) == 0o700


def test_a_second_program_is_refused_and_told_who_has_it(data):
    with data.held():
        data.announce(RUNTIME)
        with (
            pytest.raises(InUseError, match=r"in use by bin/up \(pid 4711\) at http://127.0.0.1:8000"),
            data.held(),
        ):
            pass
        assert data.is_held()
    assert not data.is_held()


def test_a_killed_program_lets_go(data):
    code = (
        "import sys, time; from pathlib import Path; from launch.data import DataDirectory\n"
        "with DataDirectory(Path(sys.argv[1])).held(): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(data.path)], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"held\n"
    assert data.is_held()
    holder.kill()
    holder.communicate()
    assert not data.is_held()


def test_what_runs_can_be_read_back(data):
    data.make()
    assert data.runtime() is None
    data.announce(RUNTIME)
    assert data.runtime() == RUNTIME


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1}', '{"more": 1}', "[]"])
def test_a_damaged_runtime_file_reads_as_none(data, content):
    data.make()
    (data.path / "runtime.json").write_text(content)
    assert data.runtime() is None


def test_a_directory_that_cannot_be_made_is_reported_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LaunchError, match="choose another: --data-dir"):
        DataDirectory(tmp_path / "file" / "data").make()
