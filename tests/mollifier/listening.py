"""Count what a test really sends to Redis."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django_redis import get_redis_connection
from redis import Redis

STOP = "the-test-is-over"


@contextmanager
def commands_sent() -> Iterator[list[str]]:
    """Collect the commands that clients send to this test's database while the block runs; complete after it."""
    connection = get_redis_connection("buffer").connection_pool.connection_kwargs
    database = connection.get("db") or 0
    client = Redis(host=connection["host"], port=connection["port"], db=database)
    # Two connections, both made before anyone listens.
    stopper = client.client()
    stopper.ping()
    sent: list[str] = []
    listening = Event()

    def listen() -> None:
        with client.monitor() as monitor:
            listening.set()
            for command in monitor.listen():
                if STOP in command["command"]:
                    return
                if command["db"] == database and command["client_type"] != "lua":
                    sent.append(command["command"].split(" ")[0].upper())

    thread = Thread(target=listen, daemon=True)
    thread.start()
    assert listening.wait(30)
    try:
        yield sent
    finally:
        stopper.echo(STOP)
        thread.join(30)
        stopper.close()
        client.close()
