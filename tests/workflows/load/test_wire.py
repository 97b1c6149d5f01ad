"""Just enough HTTP."""

import pytest

from workflows.load import wire
from workflows.load.wire import Answer, AnswerError, Target, TargetError


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost:8000", "http://127.8.9.1:8000/"])
def test_loopback_is_a_target(url: str) -> None:
    assert Target.parse(url).port == 8000


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.7:8000",
        "http://0.0.0.0:8000",
        "https://127.0.0.1",
        "127.0.0.1:8000",
        "http://",
        "http://[::1",
        "http://127.0.0.1:port",
        "http://10.0.0.1",
        "ftp://localhost",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(TargetError):
        Target.parse(url)


def test_a_request_carries_key_length_and_body() -> None:
    sent = Target("::1", 80).request("POST", "/api/v1/triggers", "mo_a_b", b"{}")
    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.splitlines() == [
        b"POST /api/v1/triggers HTTP/1.1",
        b"Host: [::1]:80",
        b"Authorization: Bearer mo_a_b",
        b"Content-Type: application/json",
        b"Content-Length: 2",
    ]
    assert body == b"{}"


WHOLE = b"HTTP/1.1 409 Conflict\r\nRetry-After: 1\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"


def test_an_answer_is_read_when_it_is_whole() -> None:
    assert wire.parse(WHOLE) == Answer(409, b"hello", 1)
    assert wire.parse(CHUNKED) == Answer(200, b"hello", 0)


@pytest.mark.parametrize("answer", [WHOLE, CHUNKED])
def test_a_part_of_an_answer_is_none(answer: bytes) -> None:
    assert [wire.parse(answer[:size]) for size in range(len(answer))] == [None] * len(answer)


def test_an_answer_that_names_no_length_is_whole_at_the_end() -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"
    assert wire.parse(answer) is None
    assert wire.parse(answer, ended=True) == Answer(200, b"hello", 0)
    assert wire.parse(WHOLE[:-1], ended=True) is None


def test_what_has_no_status_is_no_answer() -> None:
    with pytest.raises(AnswerError):
        wire.parse(b"SSH-2.0-OpenSSH\r\n\r\n")
