"""Processes that change the same instances while these are drained."""

import subprocess
import sys

import pytest

from tests.intake.draining import drain
from tests.processes import environment
from tests.tenants import make_env, request
from workflows.intake import submission
from workflows.models import Instance

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
ON = {"mode": "on", "limit": 1, "window_ms": 60_000, "hold_ms": 60_000}
PROCESSES, TURNS = 3, 10

COUNT = """
import sys
from uuid import UUID
import django
django.setup()
from workflows.attributes import Append, Increment
from workflows.intake import control, refresher
name, turns, env_id, *ids = sys.argv[1:]
env = refresher.current().envs[UUID(env_id)]
print("ready", flush=True)
sys.stdin.readline()
for turn in range(int(turns)):
    for id_ in ids:
        operations = (Increment("n"), Append("log", f"{name}.{turn}"))
        outcome = control.change_metadata(env, UUID(id_), operations, actor=name)
        assert isinstance(outcome, control.Changed | control.ChangedInBuffer), outcome
"""


def test_changes_of_several_processes_are_all_kept_in_the_order_of_each():
    env = make_env("acme", "production", **ON)
    submission.submit(request(env))
    wanted = [submission.submit(request(env)).instance.id for _ in range(5)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", COUNT, f"p{number}", str(TURNS), str(env.id), *map(str, wanted)],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    try:
        assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * PROCESSES
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        drain()
        assert [worker.wait(60) for worker in workers] == [0] * PROCESSES
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    drain()
    for held in Instance.objects.filter(id__in=wanted):
        log = held.metadata["log"]
        assert (held.metadata["n"], held.metadata_version, len(log)) == (PROCESSES * TURNS,) * 3
        for number in range(PROCESSES):
            mine = [each for each in log if each.startswith(f"p{number}.")]
            assert mine == [f"p{number}.{turn}" for turn in range(TURNS)]
