"""One idempotency key from several processes at once, while it may pass, be buffered, or be drained this moment."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.flows.test_drained_and_run import Draining
from tests.processes import environment
from tests.tenants import make_env
from tests.waiting import until
from workflows.models import Instance

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
ROOT = Path(__file__).parents[2]
PROCESSES, KEYS = 4, 60


def submitter(env, order):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.flows.submitters", str(env.id), str(KEYS), str(order)],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_one_key_is_one_instance_however_many_send_it_at_once():
    env = make_env("acme", "production", mode="on", limit=2, window_ms=20, hold_ms=20)
    children = [submitter(env, order) for order in range(PROCESSES)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    with Draining():
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        told = [json.loads(child.communicate(timeout=90)[0]) for child in children]
        until(lambda: Instance.objects.count() >= KEYS, 30)
    assert [child.returncode for child in children] == [0] * PROCESSES

    kinds = Counter(kind for each in told for kind, _ in each.values())
    assert kinds["Started"] + kinds["Buffered"] == KEYS, kinds
    assert kinds["Existing"] == (PROCESSES - 1) * KEYS
    assert min(kinds["Started"], kinds["Buffered"]) > 0, "both ways must be in it"
    owners = {f"k-{number}": {each[str(number)][1] for each in told} for number in range(KEYS)}
    assert {key: {str(id_)} for key, id_ in Instance.objects.values_list("idempotency_key", "id")} == owners
