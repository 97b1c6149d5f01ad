"""Clusters as real processes, each of which is killed in turn."""

import os
import signal
from pathlib import Path

import pytest
from django_q.tasks import async_task
from django_redis import get_redis_connection

from mollifier import sentinel
from tests import waiting
from tests.mollifier import clusters
from tests.processes import descendants, lives

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def start():
    with clusters.started() as start_one:
        yield start_one


def test_a_killed_idle_worker_ends_the_cluster_within_seconds_and_asks_for_a_new_one(start):
    cluster = start()
    worker = cluster.wait_for("started")
    os.kill(worker, signal.SIGKILL)
    assert cluster.ends(30) == sentinel.EXIT_SUDDEN_DEATH


@pytest.mark.parametrize("place", [1, 2, 3, 4], ids=["worker", "worker", "monitor", "pusher"])
def test_the_death_of_any_process_of_the_pool_ends_all_of_them(start, place):
    cluster = start()
    cluster.wait_for("started")
    family = descendants(cluster.process.pid)
    os.kill(family[place], signal.SIGKILL)
    assert cluster.ends(30) == sentinel.EXIT_SUDDEN_DEATH
    waiting.until(lambda: not any(map(lives, family)))


def test_a_killed_sentinel_takes_its_pool_with_it(start):
    cluster = start()
    cluster.wait_for("started")
    family = descendants(cluster.process.pid)
    os.kill(cluster.sentinel(), signal.SIGKILL)
    assert cluster.ends(30) == sentinel.EXIT_SUDDEN_DEATH
    waiting.until(lambda: not any(map(lives, family)))


def test_a_killed_main_process_leaves_nothing_behind(start):
    cluster = start()
    cluster.wait_for("started")
    family = descendants(cluster.process.pid)
    cluster.process.kill()
    waiting.until(lambda: not any(map(lives, family)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_cluster_and_reaches_a_running_task(start, number):
    cluster = start()
    async_task("tests.mollifier.chores.linger", timeout=-1)
    cluster.wait_for("lingers")
    cluster.process.send_signal(number)
    cluster.wait_for("left")
    assert cluster.ends(30) == 0


def test_a_task_that_ignores_the_stop_is_ended_when_the_time_is_up(start):
    cluster = start("--name", "impatient")
    cluster.wait_for("ignores")
    cluster.process.terminate()
    assert cluster.ends(30) == sentinel.EXIT_SUDDEN_DEATH


def test_a_worker_that_timed_out_is_replaced_and_the_cluster_goes_on(start):
    cluster = start()
    async_task("tests.mollifier.chores.take_too_long", timeout=1)
    slow = cluster.wait_for("slow")
    waiting.until(lambda: not lives(slow))
    async_task("tests.mollifier.chores.note_start")
    cluster.wait_for("started", times=2)
    assert cluster.process.poll() is None


def test_a_worker_that_outlives_its_time_out_ends_the_cluster(start):
    cluster = start()
    async_task("tests.mollifier.chores.shut_the_alarm_out", timeout=1)
    cluster.wait_for("deaf")
    assert cluster.ends(30) == sentinel.EXIT_SUDDEN_DEATH


def test_a_lost_redis_does_not_end_a_running_cluster(start):
    cluster = start()
    cluster.wait_for("started")
    get_redis_connection("buffer").client_kill_filter(_type="normal", skipme=True)
    async_task("tests.mollifier.chores.note_start")
    cluster.wait_for("started", times=2)
    assert cluster.process.poll() is None
