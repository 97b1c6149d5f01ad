"""`backlog --watch` as a process: on a terminal, into a file, and at its end."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django_redis import get_redis_connection

from tests import servers
from tests.mollifier.makers import accept

ROOT = Path(__file__).resolve().parents[4]
COMMAND = [sys.executable, "manage.py", "backlog"]
ROWS, COLUMNS = 12, 70


@pytest.fixture(autouse=True)
def _heeds_ctrl_c():
    """Tests that are run in the background ignore it, and their children would."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def accept_long_ago(count):
    """Accept entries that a drainer should have come for by now."""
    seconds, _ = get_redis_connection("buffer").time()
    accept(count, now_ms=(seconds - 30) * 1000)


def start(*options, **streams):
    environment = servers.environment(DJANGO_SETTINGS_MODULE="settings.test", MOLLIFIER_DURABILITY="memory")
    environment.pop("COLUMNS", None)
    environment.pop("LINES", None)
    return subprocess.Popen([*COMMAND, *options], cwd=ROOT, env=environment, **streams)


@pytest.fixture
def watched():
    """Start a watch on a terminal of 12 lines; return it with what reads its screen until something is on it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    started = []
    text = ""

    def watch(*options):
        started.append(start("--watch", "0.1", *options, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE))
        os.close(theirs)
        return started[0]

    def until(wanted):
        nonlocal text
        while wanted not in text:
            text += os.read(ours, 65536).decode(errors="replace")
        return text

    yield watch, until
    for process in started:
        process.kill()
        process.communicate()
    os.close(ours)


def test_on_a_terminal_it_draws_in_place_and_ctrl_c_gives_the_terminal_back(watched):
    watch, until = watched
    accept_long_ago(3)
    process = watch()
    text = until("acme")
    assert text.startswith("\x1b[?1049h\x1b[?25l\x1b[H")
    assert "failing: nobody drains" in text
    accept(2)
    until("buffered 5")
    process.send_signal(signal.SIGINT)
    until("\x1b[?25h\x1b[?1049l")
    assert process.wait(30) == 130
    assert process.stderr.read() == b""


def test_a_stop_by_sigterm_gives_the_terminal_back_too(watched):
    watch, until = watched
    process = watch()
    until("nothing waits")
    process.terminate()
    until("\x1b[?25h\x1b[?1049l")
    assert process.wait(30) == 130


def test_lines_fit_the_terminal(watched):
    watch, until = watched
    accept(1)
    watch()
    until("acme")
    frame = until("\x1b[J").split("\x1b[H")[1].split("\x1b[J")[0]
    lines = frame.replace("\x1b[K", "").splitlines()
    assert len(lines) < ROWS
    plain = [line.split("m", 1)[1].split("\x1b")[0] if line.startswith("\x1b[") else line for line in lines]
    assert max(map(len, plain)) <= COLUMNS


def test_off_a_terminal_it_prints_one_block_an_interval_without_escapes():
    accept_long_ago(1)
    process = start("--watch", "0.1", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    blocks = [[process.stdout.readline().rstrip() for _ in range(8)] for _ in range(2)]
    process.send_signal(signal.SIGINT)
    rest, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == ""
    for block in blocks:
        assert block[0].endswith(" UTC")
        assert block[1].startswith("failing: ")
        assert block[6].split()[:2] == ["acme", "1"]
        assert block[7] == ""
    assert "\x1b" not in "".join(map("".join, blocks)) + rest


def test_as_json_it_prints_one_object_a_line():
    accept_long_ago(1)
    process = start("--watch", "0.1", "--json", stdout=subprocess.PIPE, text=True)
    first, second = (json.loads(process.stdout.readline()) for _ in range(2))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert (first["buffered"], first["verdict"]["level"], first["orgs"][0]["org"]) == (1, "failing", "acme")
    assert first["at"] < second["at"]


def test_a_reader_that_leaves_ends_it_in_silence():
    process = start("--watch", "0.1", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def test_it_goes_on_while_redis_is_away(tmp_path):
    environment = servers.environment(DJANGO_SETTINGS_MODULE="settings.test", REDIS_URL="redis://127.0.0.1:1/0")
    command = [*COMMAND, "--watch", "0.1", "--json", "--skip-checks"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    told = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert [(each["available"], each["verdict"]["level"]) for each in told] == [(False, "failing")] * 2
    assert process.returncode == 130


def test_a_condition_that_comes_to_hold_ends_it():
    process = start("--watch", "0.1", "--check", "queued>0", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline().endswith(" UTC\n")
    accept(1)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (3, "holds: queued>0\n")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_an_interval_that_is_none_is_a_usage_error(seconds):
    with pytest.raises(CommandError, match="give it seconds above 0") as refused:
        call_command("backlog", f"--watch={seconds}")
    assert refused.value.returncode == 2
