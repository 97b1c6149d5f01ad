"""The lock of a verb and a filter."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from workflows.cleanup import locks
from workflows.cleanup.locks import LockHeld

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(verb: str, filter_: dict) -> bool:
    """Say whether another connection gets the lock."""
    got = []

    def take() -> None:
        try:
            with locks.hold(verb, filter_):
                got.append(True)
        except LockHeld:
            got.append(False)
        connection.close()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join(30)
    return got[0]


@contextmanager
def held_elsewhere(verb: str, filter_: dict) -> Iterator[None]:
    """Have another connection hold the lock meanwhile."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with locks.hold(verb, filter_):
            held.set()
            release.wait(30)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    try:
        yield
    finally:
        release.set()
        thread.join()


def test_the_same_verb_with_the_same_filter_is_kept_out_until_the_first_ends():
    with locks.hold("clean", {"a": 1, "b": [2]}):
        assert not elsewhere("clean", {"b": [2], "a": 1})
    assert elsewhere("clean", {"a": 1, "b": [2]})


def test_another_verb_or_filter_goes_beside_it():
    with locks.hold("clean", {"a": 1}):
        assert elsewhere("clean", {"a": 2})
        assert elsewhere("wipe", {"a": 1})


def test_a_lock_goes_with_its_connection():
    with locks.hold("clean", {}):
        connection.connection.close()
    connection.close()
    assert elsewhere("clean", {})
