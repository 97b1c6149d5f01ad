"""An open-loop client: each request leaves when it is due, however late the answers are.

One thread and a callback for each event of a connection, because it shares the machine with the service it loads.
Latency counts from the moment a request was due, so waiting for a free connection is part of it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from workflows.load import wire
from workflows.load.plan import Sending
from workflows.load.wire import Answer, AnswerError, Target

RECONNECT_SECONDS = 0.2
CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Limits:
    """`answer_seconds` bounds one try, `give_up_seconds` bounds a request with all its tries."""

    connections: int = 32
    answer_seconds: float = 30.0
    give_up_seconds: float = 90.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a sending. `answer` is None when none came in time; `tries` counts what was written."""

    sending: Sending
    answer: Answer | None
    latency_seconds: float
    tries: int


@dataclass(slots=True)
class Outstanding:
    """A sending under way; times are of the monotonic clock."""

    sending: Sending
    request: bytes
    due_at: float
    tries: int = 0


class Connection(asyncio.Protocol):
    """One kept connection with at most one request on it."""

    def __init__(self, client: "Client") -> None:
        self.client = client
        self.transport: asyncio.Transport | None = None
        self.received = bytearray()
        self.outstanding: Outstanding | None = None
        self.written_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_connection makes no other
        self.transport = transport
        self.client.connected(self)

    def write(self, outstanding: Outstanding) -> None:
        assert self.transport is not None  # noqa: S101 - only a connected one is idle
        self.outstanding = outstanding
        self.written_at = time.monotonic()
        outstanding.tries += 1
        self.transport.write(outstanding.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.take_answer(ended=False):
            self.client.freed(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self.take_answer(ended=True)
        outstanding, self.outstanding = self.outstanding, None
        self.client.lost(self, outstanding)

    def take_answer(self, *, ended: bool) -> bool:
        """Hand over the answer that has come; False while there is none."""
        try:
            answer = wire.parse(self.received, ended=ended)
        except AnswerError:
            self.abort()
            return False
        if answer is None or self.outstanding is None:
            return False
        self.received.clear()
        outstanding, self.outstanding = self.outstanding, None
        self.client.answered(outstanding, answer)
        return True

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Client:
    """Sends a plan once and reports each sending once, to `on_answered`."""

    def __init__(
        self, target: Target, keys: Mapping[str, str], on_answered: Callable[[Answered], None], limits: Limits
    ) -> None:
        self.target = target
        self.keys = keys
        self.on_answered = on_answered
        self.limits = limits
        self.idle: deque[Connection] = deque()
        self.open: set[Connection] = set()
        self.queue: deque[Outstanding] = deque()
        self.unanswered = 0
        self.error: Exception | None = None
        self.changed = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.connecting: set[asyncio.Task[None]] = set()

    async def run(self, sendings: Iterable[Sending]) -> None:
        """Send everything when it is due and wait for every answer; raises what `on_answered` raised."""
        self.loop = asyncio.get_running_loop()
        for _ in range(self.limits.connections):
            self.connect()
        watch = asyncio.create_task(self.watch())
        started_at = time.monotonic()
        for sending in sendings:
            due_at = started_at + sending.due_seconds
            if (ahead := due_at - time.monotonic()) > 0:
                await asyncio.sleep(ahead)
            elif not self.unanswered & 63:
                await asyncio.sleep(0)
            self.unanswered += 1
            self.queue.append(Outstanding(sending, self.request_of(sending), due_at))
            self.write_queued()
        while self.unanswered and self.error is None:
            self.changed.clear()
            await self.changed.wait()
        self.loop = None
        await self.close(watch)
        if self.error is not None:
            raise self.error

    async def close(self, watch: "asyncio.Task[None]") -> None:
        tasks = {watch, *self.connecting}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self.open):
            connection.abort()
        while self.open:
            self.changed.clear()
            await self.changed.wait()

    def request_of(self, sending: Sending) -> bytes:
        key = self.keys[sending.tenant]
        if len(sending.triggers) == 1:
            return self.target.request("POST", "/api/v1/triggers", key, sending.triggers[0])
        body = b'{"triggers":[' + b",".join(sending.triggers) + b"]}"
        return self.target.request("POST", "/api/v1/triggers/batch", key, body)

    def write_queued(self) -> None:
        while self.queue and self.idle:
            self.idle.popleft().write(self.queue.popleft())

    # What connections tell.

    def connected(self, connection: Connection) -> None:
        self.open.add(connection)
        self.idle.append(connection)
        self.write_queued()

    def freed(self, connection: Connection) -> None:
        self.idle.append(connection)
        self.write_queued()

    def answered(self, outstanding: Outstanding, answer: Answer) -> None:
        if answer.status == CONFLICT and answer.retry_after_seconds and not self.too_late(outstanding):
            self.later(answer.retry_after_seconds, lambda: self.queue.append(outstanding))
        else:
            self.finish(outstanding, answer)

    def lost(self, connection: Connection, outstanding: Outstanding | None) -> None:
        """Send again what was not answered: every trigger is keyed, so it can't start twice."""
        self.open.discard(connection)
        self.changed.set()
        if connection in self.idle:
            self.idle.remove(connection)
        if outstanding is not None:
            if self.too_late(outstanding):
                self.finish(outstanding, None)
            else:
                self.queue.appendleft(outstanding)
        self.later(RECONNECT_SECONDS, self.connect)

    # The client's own moves.

    def finish(self, outstanding: Outstanding, answer: Answer | None) -> None:
        self.unanswered -= 1
        latency = time.monotonic() - outstanding.due_at
        try:
            self.on_answered(Answered(outstanding.sending, answer, latency, outstanding.tries))
        except Exception as error:  # noqa: BLE001 - the loop would swallow it; run() raises it
            self.error = error
        self.changed.set()

    def too_late(self, outstanding: Outstanding) -> bool:
        return time.monotonic() - outstanding.due_at > self.limits.give_up_seconds

    def later(self, seconds: float, move: Callable[[], None]) -> None:
        if self.loop is not None:
            self.loop.call_later(seconds, self.still_running, move)

    def still_running(self, move: Callable[[], None]) -> None:
        if self.loop is not None:
            move()
            self.write_queued()

    def connect(self) -> None:
        task = asyncio.create_task(self.connect_once())
        self.connecting.add(task)
        task.add_done_callback(self.connecting.discard)

    async def connect_once(self) -> None:
        assert self.loop is not None  # noqa: S101 - set before the first connect
        try:
            await self.loop.create_connection(lambda: Connection(self), self.target.host, self.target.port)
        except OSError:
            self.later(RECONNECT_SECONDS, self.connect)

    async def watch(self) -> None:
        """Break connections that do not answer; drop what nobody could be asked in time."""
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            for connection in list(self.open):
                if connection.outstanding and now - connection.written_at > self.limits.answer_seconds:
                    connection.abort()
            while not self.open and self.queue and self.too_late(self.queue[0]):
                self.finish(self.queue.popleft(), None)
