"""The open-loop client, against a real server on a real socket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from workflows.load.client import Answered, Client, Limits
from workflows.load.plan import Sending
from workflows.load.wire import Target

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
KEYS = {"ada": "mo_ada_secret", "grace": "mo_grace_secret"}
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"


def load(handle: Handler, sendings: list[Sending], limits: Limits) -> list[Answered]:
    """Serve on loopback, send everything, return what was answered in that order."""
    answers: list[Answered] = []

    serving: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(cast("asyncio.Task[None]", asyncio.current_task()))
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await handle(head + await reader.readexactly(size), writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        await Client(Target("127.0.0.1", port), KEYS, answers.append, limits).run(sendings)
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)

    asyncio.run(main())
    return answers


async def created(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(CREATED)


def test_everything_is_answered_once_over_few_connections() -> None:
    seen: list[bytes] = []

    async def remember(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        writer.write(CREATED)

    sendings = [Sending(n / 1000, "ada" if n % 2 else "grace", (b'{"n":%d}' % n,)) for n in range(200)]
    answers = load(remember, sendings, Limits(connections=4))
    assert sorted(int(each.sending.triggers[0][5:-1]) for each in answers) == list(range(200))
    assert all(each.answer is not None and each.answer.status == 201 and each.tries == 1 for each in answers)
    assert sum(b"Bearer mo_ada_secret" in each for each in seen) == 100


def test_requests_leave_when_they_are_due_though_answers_are_late() -> None:
    arrived: list[float] = []

    async def late(_: bytes, writer: asyncio.StreamWriter) -> None:
        arrived.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.3)
        writer.write(CREATED)

    load(late, [Sending(n * 0.02, "ada", (b"{}",)) for n in range(10)], Limits(connections=10))
    assert arrived[-1] - arrived[0] < 0.3


def test_latency_counts_from_due_so_waiting_for_a_connection_shows() -> None:
    async def slow(_: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(CREATED)

    answers = load(slow, [Sending(0, "ada", (b"{}",))] * 3, Limits(connections=1))
    assert max(each.latency_seconds for each in answers) >= 0.3


def test_several_triggers_go_to_the_batch_endpoint() -> None:
    seen: list[bytes] = []

    async def remember(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        writer.write(CREATED)

    load(remember, [Sending(0, "ada", (b'{"n":1}', b'{"n":2}'))], Limits(connections=1))
    assert seen[0].startswith(b"POST /api/v1/triggers/batch ")
    assert seen[0].endswith(b'\r\n\r\n{"triggers":[{"n":1},{"n":2}]}')


def test_a_request_whose_answer_is_lost_is_sent_again() -> None:
    broken: list[bytes] = []

    async def break_first(request: bytes, writer: asyncio.StreamWriter) -> None:
        if not broken:
            broken.append(request)
            writer.transport.abort()
        else:
            writer.write(CREATED)

    (answer,) = load(break_first, [Sending(0, "ada", (b"{}",))], Limits(connections=1))
    assert answer.answer is not None
    assert answer.tries == 2


def test_a_conflict_in_progress_is_asked_again_after_its_time() -> None:
    asked: list[bytes] = []

    async def conflict_first(request: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(request)
        again = b"HTTP/1.1 409 Conflict\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}"
        writer.write(again if len(asked) == 1 else CREATED)

    (answer,) = load(conflict_first, [Sending(0, "ada", (b"{}",))], Limits(connections=1))
    assert answer.answer is not None
    assert answer.answer.status == 201
    assert answer.latency_seconds >= 1


def test_a_server_that_never_answers_is_given_up() -> None:
    async def silent(_: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    limits = Limits(connections=1, answer_seconds=0.1, give_up_seconds=0.1)
    (answer,) = load(silent, [Sending(0, "ada", (b"{}",))], limits)
    assert answer.answer is None


def test_a_closed_port_is_given_up() -> None:
    answers: list[Answered] = []

    async def main() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        limits = Limits(connections=1, give_up_seconds=0.1)
        await Client(Target("127.0.0.1", port), KEYS, answers.append, limits).run([Sending(0, "ada", (b"{}",))])

    asyncio.run(main())
    assert [(each.answer, each.tries) for each in answers] == [(None, 0)]


def test_what_is_no_http_breaks_the_connection_and_is_given_up() -> None:
    async def gibberish(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0\r\n\r\n")

    (answer,) = load(gibberish, [Sending(0, "ada", (b"{}",))], Limits(connections=1, give_up_seconds=0.1))
    assert answer.answer is None
    assert answer.tries >= 1


def test_a_server_that_closes_after_each_answer_is_served_too() -> None:
    async def close_after(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n{}")
        writer.close()

    answers = load(close_after, [Sending(0, "ada", (b"{}",))] * 3, Limits(connections=2))
    assert [(each.answer and each.answer.body, each.tries) for each in answers] == [(b"{}", 1)] * 3


def test_what_the_answers_taker_raises_ends_the_run() -> None:
    async def main() -> None:
        server = await asyncio.start_server(serve_created, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(Target("127.0.0.1", port), KEYS, refuse, Limits(connections=1))
        try:
            await client.run([Sending(0, "ada", (b"{}",))])
        finally:
            server.close()

    async def serve_created(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(CREATED)
        await reader.read()
        writer.close()

    def refuse(_: Answered) -> None:
        raise ValueError("unreadable")

    with pytest.raises(ValueError, match="unreadable"):
        asyncio.run(main())
