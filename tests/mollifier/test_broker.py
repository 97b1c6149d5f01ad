"""The queue on a real Redis, also one that is lost."""

import time

import pytest
from django_q.conf import Conf
from django_redis import get_redis_connection
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from launch import process
from mollifier import broker


@pytest.fixture
def queue():
    return broker.Broker("test")


def test_tasks_come_out_in_the_order_they_went_in(queue):
    for task in ("one", "two", "three"):
        queue.enqueue(task)
    assert [task for _, task in queue.dequeue()] == [b"one", b"two", b"three"]


def test_no_more_tasks_are_taken_than_bulk_allows(queue):
    for number in range(Conf.BULK + 2):
        queue.enqueue(str(number))
    assert len(queue.dequeue()) == Conf.BULK
    assert queue.queue_size() == 2


def test_an_empty_queue_is_waited_for_and_then_gives_nothing(queue):
    since = time.monotonic()
    assert queue.dequeue() is None
    assert time.monotonic() - since >= broker.WAIT_SECONDS * 0.9


def test_a_lost_redis_is_waited_out_briefly(queue):
    queue.connection = Redis(port=process.free_port(), retry=Retry(NoBackoff(), 0))
    since = time.monotonic()
    assert queue.dequeue() is None
    assert time.monotonic() - since < 8


def test_the_broker_works_again_on_the_first_call_after_redis_dropped_its_connections(queue):
    queue.enqueue("before")
    get_redis_connection("buffer").client_kill_filter(_type="normal", skipme=True)
    queue.enqueue("after")
    assert [task for _, task in queue.dequeue()] == [b"before", b"after"]


def test_only_live_clusters_are_listed(queue):
    queue.set_stat("django_q:test:cluster:a", "stat", 3)
    queue.connection.set("django_q:test:other", "no stat")
    assert queue.get_stats("django_q:test:cluster:*") == [b"stat"]
    queue.connection.delete("django_q:test:cluster:a")
    assert queue.get_stats("django_q:test:cluster:*") == []
