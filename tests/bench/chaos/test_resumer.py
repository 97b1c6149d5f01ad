"""What a resuming process does, in this one."""

import time
from collections import Counter
from concurrent.futures import Future

import pytest

from bench.chaos import resumer
from bench.chaos.resumer import Bursts
from tests.bench.chaos import threads
from tests.waiting import until
from tests.workflows.making import ENV, make_instance, output, row
from tests.workflows.pumping import running
from workflows.models import Hook
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_threads():
    with threads.given_back(resumer):
        yield


def resume(part=(0, 1), until=20.0, expected=1):
    return resumer.resume(str(ENV), time.time() + until, part, expected, (0.0, 0.0), 3, 1)


def test_each_hook_gets_one_burst_until_all_have_finished():
    instance = make_instance("chaos-hook-or-sleep", {"iterations": 2, "sleep": 60})
    with running():
        found = resume()
        until(lambda: row(instance).status == Status.COMPLETED)
    assert found["errors"] == []
    assert (found["outcomes"]["tokens"], found["outcomes"]["tokens_in_time"]) == (2, 2)
    assert sum(found["outcomes"].get(name, 0) for name in ("Resumed", "HookNotFound", "InstanceFinished")) == 6
    assert [name for name, _ in output(instance)] == ["resumed", "resumed"]


def test_hooks_of_other_parts_are_left_to_others():
    make_instance("chaos-hook-or-sleep", {"iterations": 1, "sleep": 60})
    with running():
        until(Hook.objects.exists)
        other = 1 - Hook.objects.get().id % 2
        found = resume(part=(other, 2), until=0.3)
    assert found["outcomes"] == {"tokens": 0}


def test_the_latest_of_what_piled_up_goes_first(monkeypatch):
    monkeypatch.setattr(resumer, "THREADS", 1)
    monkeypatch.setattr(resumer, "burst_of", lambda token, _count: Counter({token: 1}))
    bursts = Bursts(10, due=[(1.0, "old"), (2.0, "fresh"), (99.0, "early")])
    bursts.send(now=3.0)
    assert bursts.sent[0].result(10) == {"fresh": 1}
    assert [token for _, token in bursts.due] == ["old", "early"]


def test_a_resume_that_raises_is_told():
    broken: Future[Counter[str]] = Future()
    broken.set_exception(RuntimeError("no"))
    assert resumer.told([broken])["errors"] == ["a resume raised RuntimeError: no"]
