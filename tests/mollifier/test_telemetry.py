import subprocess
import sys
import threading

import pytest
from django_redis import get_redis_connection

from mollifier import gate, stats
from mollifier.decision import Passed, PassThrough
from mollifier.telemetry import FAILED_OPEN, Unsent
from tests import servers
from tests.mollifier.makers import arrival
from tests.waiting import until


@pytest.fixture
def unsent():
    made = Unsent()
    yield made
    made.forget()


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "telemetry"]


def test_durations_ride_along_now_and_then_under_their_bound(unsent):
    unsent.took(0.0004, 1)
    unsent.took(0.03, 100)
    unsent.took(7, 1)
    taken = unsent.take()
    assert dict(zip(taken[::2], taken[1::2], strict=True)) == {
        "seconds:0.0005": 1,
        "seconds:0.05": 100,
        "seconds:inf": 1,
        "seconds:sum_us": 400 + 30_000 * 100 + 7_000_000,
    }
    unsent.took(0.1, 1)
    assert unsent.take() == [], "not at once again"


def test_what_failed_open_does_not_wait(unsent):
    unsent.take()
    unsent.failed_open(3)
    assert unsent.take() == [FAILED_OPEN, 3]


def test_what_could_not_be_sent_is_kept(unsent):
    unsent.failed_open(3)
    unsent.give_back(unsent.take())
    unsent.failed_open(1)
    assert unsent.take() == [FAILED_OPEN, 4]


def test_what_no_trigger_takes_along_is_sent_all_the_same():
    gate.admit(arrival())
    assert sum(count for name, count in stats.counters().items() if name.startswith("seconds:")) == 0
    until(lambda: stats.counters().get("seconds:sum_us"))
    bounds = {name: count for name, count in stats.counters().items() if name.startswith("seconds:")}
    assert sum(bounds.values()) - bounds["seconds:sum_us"] == 1


def test_there_is_no_thread_while_there_is_nothing_to_send(unsent):
    assert threads() == []
    unsent.take()
    assert threads() == []
    unsent.took(0.001, 1)
    unsent.took(0.001, 1)
    assert len(threads()) == 1
    until(lambda: threads() == [])
    assert stats.counters()["seconds:0.001"] == 2
    unsent.took(0.001, 1)
    until(lambda: stats.counters()["seconds:0.001"] == 3)


@pytest.mark.usefixtures("no_redis")
def test_what_failed_open_is_counted_once_redis_is_back(unsent):
    unsent.failed_open(7)
    unsent.flush()
    unsent.flush()
    assert unsent.take() == [FAILED_OPEN, 7]


def test_a_forked_child_leaves_to_its_parent_what_is_the_parents(unsent):
    unsent.failed_open(2)
    parents = unsent._thread
    unsent.leave_parent()
    assert unsent.take() == []
    unsent.failed_open(1)
    assert unsent._thread is not parents
    assert unsent.take() == [FAILED_OPEN, 1]
    parents.join(30)


ENDING = """
import os
import sys

import django

django.setup()
from mollifier import gate
from tests.mollifier.makers import arrival

gate.admit(arrival())
child = os.fork()
gate.admit(arrival())
if child:
    os.waitpid(child, 0)
sys.exit()
"""


def test_a_process_that_ends_and_its_forked_child_each_send_what_is_theirs():
    environment = servers.environment(DJANGO_SETTINGS_MODULE="settings.test")
    subprocess.run([sys.executable, "-c", ENDING], env=environment, check=True, timeout=60)
    counted = {name: count for name, count in stats.counters().items() if name.startswith("seconds:")}
    assert sum(counted.values()) - counted["seconds:sum_us"] == 3


@pytest.fixture
def _full_redis():
    """Make Redis refuse whatever may take memory."""
    redis = get_redis_connection("buffer")
    redis.config_set("maxmemory", 1)
    yield
    redis.config_set("maxmemory", 0)


@pytest.mark.usefixtures("_full_redis")
def test_what_fails_open_for_a_full_redis_is_counted_all_the_same():
    for _ in range(3):
        assert gate.admit(arrival()) == PassThrough(Passed.FAIL_OPEN)
    until(lambda: stats.counters().get(FAILED_OPEN) == 3)
