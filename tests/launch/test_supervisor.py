"""Programs that die, linger or leave children, and one signal for all."""

import io
import os
import signal
import sys
import time

import pytest

from launch import servers, supervisor
from launch.data import DataDirectory
from launch.process import LaunchError
from launch.supervisor import Program, Supervisor, next_delay
from tests import waiting
from tests.processes import lives

SLEEP = "import time; print('here', flush=True); time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def _own_signals():
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def embedded(tmp_path):
    running = servers.start(DataDirectory(tmp_path), {"DATABASE_URL": "postgres://elsewhere"})
    yield running
    running.stop()


def supervise(tmp_path, *codes):
    named = [Program(f"p{number}", [sys.executable, "-c", code], {}) for number, code in enumerate(codes)]
    given = {"DATABASE_URL": "postgres://elsewhere", "REDIS_URL": "redis://elsewhere"}
    return Supervisor(named, servers.start(DataDirectory(tmp_path), given), io.StringIO())


def run_until(supervised, true, seconds=20):
    """Run until something holds, then signal this process, as a person would."""
    deadline = time.monotonic() + seconds
    state = {"held": False}

    def look():
        if not state["held"] and (true() or time.monotonic() > deadline):
            state["held"] = True
            assert time.monotonic() <= deadline, supervised.out.getvalue()
            os.kill(os.getpid(), signal.SIGTERM)

    supervised.run(look)


def test_lines_are_shown_whole_and_under_their_programs_name(tmp_path):
    code = "import time; print('one\\ntw', end='', flush=True); time.sleep(.2); print('o', flush=True); time.sleep(60)"
    supervised = supervise(tmp_path, code)
    run_until(supervised, lambda: "two" in supervised.out.getvalue())
    assert supervised.out.getvalue().splitlines()[:2] == ["      p0 | one", "      p0 | two"]


def test_a_killed_program_is_started_again_and_the_others_go_on(tmp_path):
    supervised = supervise(tmp_path, SLEEP, SLEEP)
    pids = []

    def twice():
        text = supervised.out.getvalue()
        if text.count("here") == 2 and not pids:
            pids.extend(child.running.pid for child in supervised.children)
            os.kill(pids[0], signal.SIGKILL)
        return text.count("p0 | here") == 2 and supervised.children[1].running.pid == pids[1]

    run_until(supervised, twice)
    assert "p0 was killed by SIGKILL; starting it again in 0.5 s" in supervised.out.getvalue()


def test_what_a_dead_program_left_running_is_ended(tmp_path):
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('left', child.pid, flush=True); os._exit(9)"
    )
    supervised = supervise(tmp_path, code)
    run_until(supervised, lambda: "ended with 9" in supervised.out.getvalue())
    left = int(supervised.out.getvalue().split("left ")[1].split()[0])
    waiting.until(lambda: not lives(left))


def test_one_signal_ends_everything(tmp_path):
    supervised = supervise(tmp_path, SLEEP, SLEEP)
    run_until(supervised, lambda: supervised.out.getvalue().count("here") == 2)
    assert all(child.running is None for child in supervised.children)


def test_a_program_that_does_not_stop_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.2)
    supervised = supervise(tmp_path, DEAF)
    run_until(supervised, lambda: "deaf" in supervised.out.getvalue())
    assert "p0 did not stop in time and was killed" in supervised.out.getvalue()


def test_programs_are_stopped_when_the_caller_gives_up(tmp_path):
    supervised = supervise(tmp_path, SLEEP)

    def give_up():
        if "here" in supervised.out.getvalue():
            raise LaunchError("enough")

    with pytest.raises(LaunchError, match="enough"):
        supervised.run(give_up)
    assert supervised.children[0].running is None


def test_a_killed_server_is_started_again_on_its_port_with_its_data(embedded):
    supervised = Supervisor([], embedded, io.StringIO())
    first = embedded.redis.embedded.child
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    run_until(supervised, lambda: "valkey is back" in supervised.out.getvalue())
    assert embedded.redis.embedded.child.pid != first.pid
    assert embedded.redis.embedded.url == embedded.redis.url


def test_a_program_that_settled_is_started_again_at_once_and_one_that_fails_waits_longer_each_time():
    assert next_delay(4.0, lived_seconds=60) == 0
    delays = [0.0]
    for _ in range(5):
        delays.append(next_delay(delays[-1], lived_seconds=1))
    assert delays[1:] == [0.5, 1.0, 2.0, 4.0, 5.0]
