"""The connections: one exchange with a deadline for the gate, plain calls for everything that may wait.

Nothing here repeats a script whose reply was lost; each caller knows whether it may.
"""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

import hiredis
from django_redis import get_redis_connection
from redis import Redis
from redis.connection import Connection
from redis.exceptions import NoScriptError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from mollifier import lua
from mollifier.errors import BufferUnavailable

logger = logging.getLogger(__name__)
GATE, BUFFER = "gate", "buffer"
LOAD_SECONDS = 1.0
# What Redis answers instead of running a script that writes.
REFUSALS = (OutOfMemoryError, ReadOnlyError)
_deadline = threading.local()


class Deadlined:
    """Mixed into a connection class: every read, those of the handshake too, ends at the thread's deadline.

    After it only what has arrived is read: a process that got no CPU meanwhile must not throw an answer away.
    """

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("timeout", max(0.0, _deadline.at - time.monotonic()))
        return super().read_response(*args, **kwargs)  # type: ignore[misc]


def exchange(commands: Sequence[lua.Command], timeout_seconds: float, replicas: int = 0) -> list[Any]:
    """Send the commands at once and return their replies, within the time for all of it, connecting included.

    A command that Redis refuses has the error as its reply; a script that Redis does not know yet is loaded, and
    that one exchange takes two round trips more. With `replicas`, so many must have what the commands wrote.

    Raises:
        BufferUnavailable: no connection, no reply in time, or too few replicas have it by then.
    """
    _deadline.at = time.monotonic() + timeout_seconds
    try:
        replies = _send_through(commands, timeout_seconds, replicas)
        unknown = [at for at, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            texts = {commands[at][1]: _text(commands[at][1]) for at in unknown}
            _send([("SCRIPT", "LOAD", text) for text in texts.values()])
            again = _send_through([commands[at] for at in unknown], timeout_seconds, replicas)
            for at, reply in zip(unknown, again, strict=True):
                replies[at] = reply
    except (RedisError, OSError) as error:
        raise BufferUnavailable(f"{type(error).__name__}: {error}") from error
    return replies


def _send_through(commands: Sequence[lua.Command], timeout_seconds: float, replicas: int) -> list[Any]:
    """Send, and ask on the same connection how many replicas have it; WAIT counts a connection's own writes."""
    if not replicas:
        return _send(commands)
    *replies, reached = _send([*commands, ("WAIT", replicas, max(1, int(timeout_seconds * 1000)))])
    if isinstance(reached, Exception) or reached < replicas:
        raise BufferUnavailable(f"{reached} of {replicas} replicas have it")
    return replies


def _send(commands: Sequence[lua.Command]) -> list[Any]:
    pool = get_redis_connection(GATE).connection_pool
    if not issubclass(pool.connection_class, Deadlined):
        pool.connection_class = type("GateConnection", (Deadlined, pool.connection_class), {})
    connection = pool.get_connection()
    try:
        # Not by the connection, which looks at every argument twice: there are fifty in a command of the gate.
        connection.send_packed_command([b"".join(map(hiredis.pack_command, commands))])
        replies = [_reply(connection) for _ in commands]
    except BaseException:
        # Replies that were not read must never be another exchange's.
        connection.disconnect()
        raise
    else:
        if any(isinstance(reply, ReadOnlyError) for reply in replies):
            # Another server took over, and its name may lead there by now.
            connection.disconnect()
        return replies
    finally:
        pool.release(connection)


def _reply(connection: Connection) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


def load_scripts() -> bool:
    """Make the scripts known to Redis, so that no trigger's exchange has to; False, and no error, when it is away."""
    try:
        replies = exchange([("SCRIPT", "LOAD", script.text) for script in lua.every()], LOAD_SECONDS)
    except BufferUnavailable as error:
        logger.warning("mollifier.scripts_not_loaded", extra={"error": str(error)})
        return False
    return not any(isinstance(reply, Exception) for reply in replies)


def _text(sha: str) -> str:
    return next(script.text for script in lua.every() if script.sha == sha)


def patient() -> Redis:
    """Return the client for everything that may wait seconds: the drainer, reads for people."""
    client: Redis = get_redis_connection(BUFFER)
    return client


def call(*commands: lua.Command) -> Any:
    """Run commands in one pipeline on the patient connection; return the reply of the last one.

    Raises:
        BufferUnavailable: no connection, no reply in time, or a command was refused.
    """
    return call_all(commands)[-1]


def call_all(commands: Sequence[lua.Command]) -> list[Any]:
    """Run commands in one pipeline on the patient connection; return all replies.

    Raises:
        BufferUnavailable: no connection, no reply in time, or a command was refused.
    """
    try:
        return _pipelined(commands)
    except NoScriptError:
        # Redis lost its scripts, so it ran none of these; load them all and send again.
        return _reloaded(commands)
    except (RedisError, OSError) as error:
        if isinstance(error, ReadOnlyError):
            patient().connection_pool.disconnect(inuse_connections=False)
        raise BufferUnavailable(f"{type(error).__name__}: {error}") from error


def _pipelined(commands: Sequence[lua.Command]) -> list[Any]:
    if len(commands) == 1:
        return [patient().execute_command(*commands[0])]  # type: ignore[no-untyped-call]
    pipeline = patient().pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
    replies: list[Any] = pipeline.execute()
    return replies


def _reloaded(commands: Sequence[lua.Command]) -> list[Any]:
    try:
        for script in lua.every():
            patient().script_load(script.text)
        return _pipelined(commands)
    except (RedisError, OSError) as error:
        raise BufferUnavailable(f"{type(error).__name__}: {error}") from error


class Breaker:
    """Opens after so many errors in a row, lets one call through after a while, and closes when that one works."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors = 0
        self._opened_at: float | None = None

    def allows(self, open_seconds: float) -> bool:
        """Tell whether a call may be tried now."""
        opened_at, now = self._opened_at, time.monotonic()
        if opened_at is None:
            return True
        with self._lock:
            if self._opened_at == opened_at and now - opened_at >= open_seconds:
                # This caller is the probe; the others wait for another period.
                self._opened_at = now
                return True
            return self._opened_at is None

    def succeeded(self) -> None:
        if self._errors:
            with self._lock:
                self._errors, self._opened_at = 0, None

    def failed(self, threshold: int) -> None:
        with self._lock:
            self._errors += 1
            if self._errors >= threshold:
                self._opened_at = time.monotonic()
