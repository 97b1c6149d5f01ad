"""Signs of life of what a process needs: its database, its directory and Redis."""

from collections.abc import Mapping
from typing import Literal

from django.db import Error as DatabaseError
from django.db import connection

from mollifier import client, conf
from mollifier.errors import BufferUnavailable
from workflows.intake import refresher

State = Literal["ok", "degraded", "unavailable"]


def check() -> Mapping[str, State]:
    """Look at each part once."""
    return {"database": database(), "directory": directory(), "redis": redis()}


def database() -> State:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unavailable"
    return "ok"


def directory() -> State:
    """Tell whether tenants, keys and flags are known, and whether they are still refreshed."""
    try:
        refresher.current()
    except refresher.DirectoryUnavailable:
        return "unavailable"
    return "degraded" if refresher.degraded() else "ok"


def redis() -> State:
    """Ask Redis, with the gate's own patience."""
    try:
        (pong,) = client.exchange([("PING",)], conf.current().exchange_timeout_ms / 1000)
    except BufferUnavailable:
        return "unavailable"
    # What refuses this refuses triggers too: its disk is full, or it does not know us.
    return "unavailable" if isinstance(pong, Exception) else "ok"
