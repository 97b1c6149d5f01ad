"""Tasks for test_sentinel; each leaves a word in Redis."""

import os
import signal
import time

from django_redis import get_redis_connection

from mollifier import cluster

SEEN = "test:chores"


def note(word: str) -> None:
    get_redis_connection("buffer").rpush(SEEN, f"{word} {os.getpid()}")


def note_start() -> None:
    note("started")


def note_pump_start() -> None:
    note("pump-started")


def linger() -> None:
    """Run until the cluster is asked to stop."""
    note("lingers")
    while not cluster.stop_requested():
        time.sleep(0.01)
    note("left")


def ignore_the_stop() -> None:
    note("ignores")
    time.sleep(60)


def take_too_long() -> None:
    """Run into the time-out that django-q2 raises inside the worker."""
    note("slow")
    time.sleep(60)


def shut_the_alarm_out() -> None:
    """Run on, deaf to the time-out that django-q2 raises inside the worker."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    note("deaf")
    time.sleep(60)
