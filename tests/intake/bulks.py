"""Bulk actions for tests: made, and run to their end by this process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from workflows.audit import Actor
from workflows.cleanup import locks
from workflows.intake import bulk, slices
from workflows.models import BulkAction

ADA = Actor("ada")


def make(verb: str, text: str, **fields: Any) -> BulkAction:
    return bulk.create(verb, text, **({"actor": ADA, "reason": "mended"} | fields))


def never() -> bool:
    return False


def run(action: BulkAction, stop: Callable[[], bool] = never) -> BulkAction:
    """Work until it has ended or is put off."""
    while slices.run(action.pk, stop) is False and not stop():
        pass
    action.refresh_from_db()
    return action


@contextmanager
def held(action: BulkAction) -> Iterator[None]:
    """Let another connection work on it meanwhile."""
    begun, over = threading.Event(), threading.Event()

    def work() -> None:
        with locks.hold(bulk.LOCK, {"id": str(action.pk)}):
            begun.set()
            over.wait(30)
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert begun.wait(30)
        yield
    finally:
        over.set()
        worker.join()
