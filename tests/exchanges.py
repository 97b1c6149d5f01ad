"""Count what really goes to PostgreSQL: queries that Django's own counters don't see are in it too."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

REQUESTS = frozenset({"Query", "Execute"})


@contextmanager
def traced() -> Iterator[list[str]]:
    """Give a list that holds, once the block has ended, the requests that this thread's connection sent.

    A plain query is in it as `Query`, an execution of a prepared one as `Execute`; each costs a round trip.
    """
    connection.ensure_connection()
    sent: list[str] = []
    with tempfile.TemporaryFile("w+") as trace:
        connection.connection.pgconn.trace(trace.fileno())
        try:
            yield sent
        finally:
            connection.connection.pgconn.untrace()
            trace.seek(0)
            # The text of a query may go on in lines that are no messages.
            messages = [words for line in trace if len(words := line.rstrip("\n").split("\t")) > 3]
            sent += [
                " ".join(" ".join(words[3:]).split()) for words in messages if words[1] == "F" and words[3] in REQUESTS
            ]
