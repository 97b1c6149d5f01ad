"""The workflows under stress, each run once."""

import pytest

from tests.waiting import until
from tests.workflows.making import make_instance, output, row
from tests.workflows.pumping import run_until_idle, running
from workflows import hooks
from workflows.models import Hook
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("definition", "payload", "wanted"),
    [
        ("chaos-start", {"n": 1}, {"n": 1}),
        ("chaos-loop", {"n": 5}, 10),
        ("chaos-carry", {"fill": "xyz", "n": 2}, "xyz"),
        ("chaos-nest", {}, [[0, 0, 0], [0, 1, 2], [0, 2, 4]]),
        ("chaos-step-storm", {"rounds": 2, "branches": 3}, [3, 3]),
        ("chaos-wake-loop", {"n": 3}, 3),
        ("chaos-hook-or-sleep", {"iterations": 2, "sleep": 0.01, "pause": 0.01}, [["slept", None]] * 2),
    ],
)
def test_it_comes_to_its_end(definition, payload, wanted):
    instance = make_instance(definition, payload)
    with running():
        until(lambda: row(instance).status == Status.COMPLETED)
    assert output(instance) == wanted


def test_steps_that_fail_first_succeed_then():
    instance = make_instance("chaos-retry", {})
    with running():
        until(lambda: row(instance).status == Status.COMPLETED)
    assert output(instance) == [f"{instance}/a", f"{instance}/b"]


def test_one_of_the_racing_steps_wins():
    instance = make_instance("chaos-race", {"n": 3})
    run_until_idle()
    assert output(instance) in {"step_0", "step_1", "step_2"}


def test_a_hook_may_win():
    instance = make_instance("chaos-hook-or-sleep", {"iterations": 1, "sleep": 60})
    with running():
        until(Hook.objects.exists)
        assert isinstance(hooks.resume(Hook.objects.get().token, b'{"n":7}'), hooks.Resumed)
        until(lambda: row(instance).status == Status.COMPLETED)
    assert output(instance) == [["resumed", {"n": 7}]]


def test_the_step_that_kills_is_only_run_by_processes_that_may_die():
    from bench.chaos.flows import kill_process

    assert kill_process.retries == 0
