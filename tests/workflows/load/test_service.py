"""What a run asks the service before it sends."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from launch import process
from workflows.load import service
from workflows.load.service import ServiceError
from workflows.load.wire import Target


class Known(ThreadingHTTPServer):
    """Knows the key `mo_new` from the third time it is asked."""

    asked = 0
    buffer = b'{"org": "ada", "queued": 2, "available": true}'


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Known)
        server.asked += 1
        if self.path == "/api/v1/buffer":
            self.answer(200, server.buffer)
            return
        known = self.headers["Authorization"] == "Bearer mo_new" and server.asked >= 3
        self.answer(200 if known else 401, b"")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def known() -> Iterator[Known]:
    with Known(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_it_waits_until_every_key_is_known(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "EVERYWHERE_SECONDS", 0)
    service.await_keys(Target("127.0.0.1", known.server_port), ["mo_new", "mo_new"], seconds=10)
    assert known.asked == 4


def test_it_gives_a_key_the_time_to_reach_every_process(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "EVERYWHERE_SECONDS", 0.5)
    began = time.monotonic()
    service.await_keys(Target("127.0.0.1", known.server_port), ["mo_new"], seconds=10)
    assert time.monotonic() - began >= 0.5


def test_a_key_that_stays_unknown_is_an_error(known: Known) -> None:
    with pytest.raises(ServiceError, match="answers 401 to a new key"):
        service.await_keys(Target("127.0.0.1", known.server_port), ["mo_old"], seconds=0.2)


def test_nobody_listening_is_an_error() -> None:
    with pytest.raises(ServiceError, match="nothing answers"):
        service.await_keys(Target("127.0.0.1", process.free_port()), ["mo_new"], seconds=0)


def test_what_is_queued_is_added_up(known: Known) -> None:
    assert service.queued(Target("127.0.0.1", known.server_port), ["mo_a", "mo_b"]) == 4


def test_an_unknown_depth_is_an_error(known: Known) -> None:
    known.buffer = b'{"org": "ada", "queued": null, "available": false}'
    with pytest.raises(ServiceError, match="does not say"):
        service.queued(Target("127.0.0.1", known.server_port), ["mo_a"])
