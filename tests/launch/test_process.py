"""Child processes: their end with their parent, their signals, their ports."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from launch import process
from tests import waiting
from tests.processes import lives

ROOT = Path(__file__).parents[2]


def python(code):
    return [sys.executable, "-c", code]


def test_a_child_dies_with_its_parent(tmp_path):
    told = tmp_path / "pid"
    code = (
        "import signal, sys, time; from pathlib import Path; from launch import process\n"
        "child = process.spawn([sys.executable, '-c', 'import time; time.sleep(60)'], Path(sys.argv[1] + '.log'),"
        " death_signal=signal.SIGKILL)\n"
        "Path(sys.argv[1]).write_text(str(child.pid)); time.sleep(60)"
    )
    parent = subprocess.Popen([*python(code), str(told)], cwd=ROOT)
    waiting.until(lambda: told.exists() and told.read_text())
    child = int(told.read_text())
    parent.kill()
    parent.wait()
    waiting.until(lambda: not lives(child))


def test_a_taken_port_is_not_free():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not process.port_is_free(port)
        assert process.free_port(port) != port


def test_a_preferred_port_is_taken_when_it_is_free():
    port = process.free_port()
    assert process.free_port(port) == port


def test_no_outgoing_connection_can_take_a_free_port_first():
    assert {process.free_port() for _ in range(20)} <= set(range(1_024, 32_768))


def test_a_server_that_ends_while_it_starts_is_reported_with_its_last_words(tmp_path):
    log = tmp_path / "log"
    child = process.spawn(python("print('no room'); raise SystemExit(3)"), log, death_signal=signal.SIGKILL)
    with pytest.raises(process.LaunchError, match="Thing exited with 3: no room"):
        process.wait_until(lambda: False, child, log, "Thing", 10)


def test_a_server_that_is_not_ready_in_time_is_killed(tmp_path):
    log = tmp_path / "log"
    child = process.spawn(python("import time; time.sleep(60)"), log, death_signal=signal.SIGKILL)
    with pytest.raises(process.LaunchError, match="not ready after 0 s: it said nothing"):
        process.wait_until(lambda: False, child, log, "Thing", 0.05)
    assert child.wait(5) == -signal.SIGKILL


def test_a_child_that_ignores_its_signal_is_killed(tmp_path):
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    log = tmp_path / "log"
    child = process.spawn(python(code), log, death_signal=signal.SIGKILL)
    process.wait_until(lambda: process.last_line(log) == "deaf", child, log, "Thing", 10)
    process.stop(child, signal.SIGTERM, 0.1)
    assert child.returncode == -signal.SIGKILL


def test_stopping_what_has_ended_changes_nothing(tmp_path):
    child = process.spawn(python("raise SystemExit(4)"), tmp_path / "log", death_signal=signal.SIGKILL)
    child.wait(10)
    process.stop(child, signal.SIGTERM, 1)
    assert child.returncode == 4


def test_children_have_a_process_group_of_their_own(tmp_path):
    child = process.spawn(python("import time; time.sleep(60)"), tmp_path / "log", death_signal=signal.SIGKILL)
    assert os.getpgid(child.pid) == child.pid
    child.kill()
    child.wait()
