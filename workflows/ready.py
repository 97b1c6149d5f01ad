"""Tells pumps that a shard has ready instances, or the outbox something. Only hints: a lost one costs a poll."""

import os
import threading
import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import structlog
from django.db import Error, connection, transaction

log = structlog.get_logger(__name__)

CHANNEL = "workflows_ready_"
# A pump looks again this long after a hint, so what falls inside the window needs no hint of its own.
WINDOW_SECONDS = 0.005
# What a hint says that is not about ready instances.
TOLD = "told"

NOTIFY = "SELECT pg_notify(channel, '') FROM unnest(%s::text[]) AS channel"
TELL = "SELECT pg_notify(%s || shard, %s) FROM workflows_instance WHERE id = %s"


class _Sent:
    """When this process last hinted at each shard; forgotten by a fork."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pid = os.getpid()
        self.at: dict[int, float] = {}

    def due(self, shards: Iterable[int], now: float) -> list[int]:
        with self.lock:
            if self.pid != os.getpid():
                self.pid, self.at = os.getpid(), {}
            due = [shard for shard in sorted(set(shards)) if now - self.at.get(shard, -1.0) >= WINDOW_SECONDS]
            self.at.update(dict.fromkeys(due, now))
            return due


_sent = _Sent()


def channel(shard: int) -> str:
    """Return where a shard's hints are heard: one channel each, so that a hint wakes one pump."""
    return f"{CHANNEL}{shard}"


def notify(shards: Iterable[int]) -> None:
    """Hint at shards, at most once in 5 ms each, after the caller's transaction if there is one."""
    wanted = tuple(shards)
    transaction.on_commit(lambda: _send(wanted))


def tell(instance_id: UUID) -> None:
    """Hint that an instance was made to write to the outbox from outside, after the caller's transaction if any."""
    transaction.on_commit(lambda: _notify(TELL, [CHANNEL, TOLD, instance_id]))


def _send(shards: tuple[int, ...]) -> None:
    due = _sent.due(shards, time.monotonic())
    if due:
        _notify(NOTIFY, [[*map(channel, due)]])


def _notify(statement: str, values: list[Any]) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
    except Error as error:
        # What it hints at is committed already, and a poll finds it. InterfaceError is no DatabaseError.
        log.warning("workflows.notify_failed", error=str(error))
