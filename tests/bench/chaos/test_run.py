"""The stress run at a small share of its load, on servers of its own: good parts are good, the control is corrupted."""

import pytest

from bench import stress
from bench.chaos import run

SHORT = ("six", "race", "step_storm", "hook_storm", "wake_loop", "control")


@pytest.mark.processes
def test_a_short_run_finds_nothing_but_what_the_control_is_made_to_show():
    found = {part["name"]: part for part in stress.play(1, 20_260_101, 0.04, SHORT)}
    assert list(found) == list(SHORT)
    for name in SHORT[:-1]:
        assert found[name]["good"], found[name]
        assert found[name]["completed"] == found[name]["started"] > 0
    control = found["control"]
    assert control["corrupted"] > 0
    assert control["faults"]["two_outcomes"] > 0
    assert control["good"]


def test_a_share_is_never_nothing():
    assert (run.scaled(500, 0.5), run.scaled(50, 0.01)) == (250, 5)
