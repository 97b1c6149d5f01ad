"""The stop flag, as forked processes see it."""

import multiprocessing

import pytest

from mollifier import cluster


@pytest.fixture(autouse=True)
def _lowered_flag():
    yield
    cluster._stop.value = 0


def test_nothing_is_asked_to_stop_at_first():
    assert not cluster.stop_requested()


def test_a_request_is_seen_in_processes_forked_before_it():
    fork = multiprocessing.get_context("fork")
    forked, seen = fork.Event(), fork.Value("b", 0)

    def look():
        forked.set()
        while not cluster.stop_requested():
            pass
        seen.value = 1

    child = fork.Process(target=look)
    child.start()
    assert forked.wait(30)
    cluster.request_stop()
    child.join(30)
    assert seen.value == 1
