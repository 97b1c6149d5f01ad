"""bin/up as a person uses it: ready, struck by kill -9, stopped, and started again on its data."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from launch import process, up
from tests import servers, waiting
from tests.processes import command_of, descendants, lives

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]


class Up:
    """One bin/up, with what it printed."""

    def __init__(self, data, port, *more):
        env = servers.environment(DATABASE_URL="", REDIS_URL="", DJANGO_SETTINGS_MODULE="settings.local", SECRET_KEY="")
        command = [sys.executable, str(ROOT / "bin" / "up"), "--data-dir", str(data), "--port", str(port), *more]
        self.address = f"http://127.0.0.1:{port}"
        self.data = data
        self.process = subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self.reader.start()

    @property
    def text(self):
        return "".join(self.lines)

    def wait_for(self, words, times=1, seconds=60):
        try:
            waiting.until(lambda: self.text.count(words) >= times or self.process.poll() is not None, seconds)
        finally:
            assert self.text.count(words) >= times, self.text

    def ready(self):
        try:
            with urllib.request.urlopen(f"{self.address}/healthz/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def program(self, *words):
        """Return the process below this one whose command line has all the words."""
        for pid in descendants(self.process.pid):
            command = command_of(pid)
            if all(any(word in part for part in command) for word in words):
                return pid
        raise AssertionError(f"no {words} below {self.process.pid}")

    def stop(self, number=signal.SIGINT, seconds=30):
        self.process.send_signal(number)
        status = self.process.wait(seconds)
        self.reader.join(5)
        return status


@pytest.fixture
def start(tmp_path):
    started = []

    def start_one(*more, data=tmp_path / "data", port=None):
        started.append(Up(data, port or process.free_port(), *more))
        return started[-1]

    yield start_one
    for each in started:
        family = descendants(each.process.pid)
        for pid in (each.process.pid, *family):
            if lives(pid):
                os.kill(pid, signal.SIGKILL)
        each.process.wait()
        each.reader.join(5)
        each.process.stdout.close()


def test_everything_comes_up_survives_kills_stops_on_one_signal_and_starts_again_on_its_data(start):
    first = start()
    first.wait_for("ready at", seconds=120)
    first.wait_for("stop with Ctrl-C")
    kept = json.loads((first.data / "credentials.json").read_text())
    assert kept["admin_password"] in first.text
    assert kept["api_key_production"] in first.text
    strike_a_worker(first)
    strike_each(first)
    since = time.monotonic()
    family = descendants(first.process.pid)
    assert first.stop() == 0
    assert time.monotonic() - since < 20
    waiting.until(lambda: not any(map(lives, family)))

    port = int(first.address.rsplit(":", 1)[1])
    second = start(port=port)
    second.wait_for("ready at")
    assert kept["admin_password"] not in second.text
    assert json.loads((second.data / "credentials.json").read_text()) == kept
    family = descendants(second.process.pid)
    second.process.kill()
    waiting.until(lambda: not any(map(lives, family)), 30)


def strike_a_worker(running):
    """Kill a worker that waits for work; a whole new cluster has to take its place."""
    cluster = running.program("qcluster")
    running.wait_for("cluster=mollifier")
    before = running.text.count("cluster=mollifier")
    sentinel, worker, *_ = descendants(cluster)
    os.kill(worker, signal.SIGKILL)
    running.wait_for("cluster=mollifier workers=3", times=before + 1, seconds=20)
    waiting.until(lambda: not lives(sentinel))


def strike_each(running):
    """Kill each program in turn; it has to be there again."""
    for name, words in {
        "queue": ["qcluster"],
        "web": ["granian"],
        "valkey": ["valkey-server"],
        "postgres": ["-D"],
    }.items():
        victim = running.program(*words)
        os.kill(victim, signal.SIGKILL)
        running.wait_for("postgres is back" if name == "postgres" else f"{name} ", seconds=20)
        waiting.until(lambda words=words, victim=victim: there_again(running, words, victim), 30)
    waiting.until(running.ready, 30)


def there_again(running, words, victim):
    try:
        return running.program(*words) != victim
    except AssertionError:
        return False


def test_a_data_directory_in_use_and_a_taken_port_are_each_one_clear_line(start, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = start(data=tmp_path / "other", port=port)
        assert refused.process.wait(30) == 1
        refused.reader.join(5)
        assert refused.lines == [
            f"bin/up: port {port} is taken by another program: stop it, or choose another port with --port\n"
        ]
    holder = start("--no-demo")
    waiting.until((holder.data / "runtime.json").exists, 30)
    second = start("--no-demo")
    assert second.process.wait(30) == 1
    second.reader.join(5)
    assert re.fullmatch(
        rf"bin/up: .*data is in use by bin/up \(pid {holder.process.pid}\) at {holder.address}; use that one, .*\n",
        second.text,
    )
    assert holder.stop(signal.SIGTERM, 60) in (0, 130)


def test_a_port_that_may_not_be_used_is_not_called_taken():
    with pytest.raises(process.LaunchError, match="can't be used"):
        up.check_port(99999)


def test_help_needs_no_set_up():
    shown = subprocess.run(
        [sys.executable, "-S", str(ROOT / "bin" / "up"), "--help"], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0
    for option in ("--port", "--data-dir", "--no-demo"):
        assert option in shown.stdout
