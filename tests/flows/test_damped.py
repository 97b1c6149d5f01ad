"""64 submitters of several processes at one group, that may pass, be buffered, or be drained this moment."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from mollifier import buffer
from tests.bound import bind
from tests.flows.test_drained_and_run import Draining
from tests.processes import environment
from tests.tenants import make_env, seen
from tests.waiting import until
from workflows.intake import lookup
from workflows.models import Instance, Storm

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
ROOT = Path(__file__).parents[2]
PROCESSES, THREADS, EVENTS, LIMIT = 4, 16, 3, 40


def emitter(env, number):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.flows.emitters", str(env.id), str(THREADS), str(EVENTS), str(number)],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("flags", [{}, {"mode": "on", "limit": 2, "window_ms": 50, "hold_ms": 50}], ids=["off", "on"])
def test_sixty_four_submitters_never_exceed_the_limit_and_none_is_lost(flags):
    env = make_env("acme", "production", **flags)
    bind("order.created", limit=LIMIT)
    children = [emitter(env, number) for number in range(PROCESSES)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    with Draining():
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        told: Counter[str] = Counter()
        for child in children:
            told.update(json.loads(child.communicate(timeout=90)[0]))
        until(lambda: not buffer.newest(lookup.scope_of(seen(env)), None, 1), 30)
    assert [child.returncode for child in children] == [0] * PROCESSES

    taken = told["Started"] + told["Buffered"]
    assert taken == LIMIT == Instance.objects.count()
    assert (told["Buffered"] > 0) is bool(flags)
    assert told["Throttled"] == PROCESSES * THREADS * EVENTS - LIMIT
    assert Storm.objects.get().suppressed == told["Throttled"]
