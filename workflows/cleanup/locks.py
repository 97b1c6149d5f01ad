"""One at a time: a lock of the database for each verb and filter, gone with the connection that holds it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

from django.db import connection

from workflows import eventlog


class LockHeld(Exception):
    """Another process does this very thing now."""

    code = "lock_held"


@contextmanager
def hold(verb: str, filter_: Mapping[str, Any]) -> Iterator[None]:
    """Keep everybody else from doing this verb with this filter.

    Raises:
        LockHeld: somebody does.
    """
    number = number_of(verb, filter_)
    if not eventlog.execute("SELECT pg_try_advisory_lock(%s)", (number,))[0][0]:
        raise LockHeld(f"another {verb} with this filter is at work; wait for it, or stop it")
    try:
        yield
    finally:
        # A connection that was lost has let go by itself.
        if connection.connection is not None and not connection.connection.closed:
            eventlog.execute("SELECT pg_advisory_unlock(%s)", (number,))


def number_of(verb: str, filter_: Mapping[str, Any]) -> int:
    """Return the lock's number: 64 bits of what names the act."""
    named = json.dumps([verb, filter_], sort_keys=True, default=str).encode()
    return int.from_bytes(blake2b(named, digest_size=8).digest(), "big", signed=True)
