"""The parts of the stack that a cascade runs on; test_cascade runs all of it."""

import signal

import pytest

from bench.chaos import stack
from launch import process
from launch.process import LaunchError
from tests.processes import lives
from workflows.models import OrganizationFlags

IDLE = ("-c", "import time; print('up', flush=True); time.sleep(60)")


@pytest.fixture(autouse=True)
def _own_place(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))


@pytest.mark.django_db(transaction=True)
def test_an_org_is_on_with_the_limits_that_have_a_part_of_it_buffered():
    made = stack.tenant("steady", stack.STEADY)
    flags = OrganizationFlags.objects.get(org=made.org)
    assert (flags.mode, flags.limit, flags.window_ms) == ("on", 1, 200)
    assert made.secret


def test_a_program_lives_as_long_as_its_block():
    with stack.spawned("idle", IDLE) as child:
        assert lives(child.pid)
    assert child.returncode == -signal.SIGTERM


def test_its_programs_are_told_of_the_stores_that_this_process_has():
    assert all(stack.variables()[name] for name in ("DATABASE_URL", "REDIS_URL", "DATA_DIR"))


def test_where_nothing_answers_is_told(monkeypatch):
    monkeypatch.setattr(stack, "READY_SECONDS", 0.3)
    with pytest.raises(LaunchError, match="nothing answers"):
        stack.await_answer(f"http://127.0.0.1:{process.free_port()}")
