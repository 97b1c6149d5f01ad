"""Just enough HTTP/1.1 for load on loopback: whole requests out, whole answers in, over kept connections."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)


class TargetError(Exception):
    """The address is not one that load may be sent to."""


class AnswerError(Exception):
    """What came back is not an HTTP/1.1 answer."""


@dataclass(frozen=True, slots=True)
class Target:
    """A service on this machine."""

    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> "Target":
        """Read an http address, with every name it resolves to on loopback.

        Raises:
            TargetError: it is no http address, unknown, or not on loopback.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or 80
        except ValueError as error:
            raise TargetError(f"{url}: {error}") from None
        if parts.scheme != "http" or not parts.hostname:
            raise TargetError(f"{url} is no http:// address")
        try:
            found = {str(info[4][0]) for info in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)}
        except OSError as error:
            raise TargetError(f"{url}: {error}") from None
        if not all(ipaddress.ip_address(address).is_loopback for address in found):
            raise TargetError(f"{url} is not on this machine; load goes to loopback only")
        return cls(parts.hostname, port)

    def request(self, method: str, path: str, key: str, body: bytes = b"") -> bytes:
        """Return the bytes of a request in the name of an API key."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {host}:{self.port}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `retry_after_seconds` is 0 when it names none."""

    status: int
    body: bytes
    retry_after_seconds: int


def parse(data: bytes | bytearray, *, ended: bool = False) -> Answer | None:
    """Read the one answer that `data` holds; None while it is incomplete.

    An answer that names no length is whole when the connection has `ended`.

    Raises:
        AnswerError: it is no answer.
    """
    split = data.find(HEAD_END)
    if split < 0:
        return None
    head = bytes(data[:split])
    if not head.startswith(b"HTTP/1.1 ") or not head[9:12].isdigit():
        raise AnswerError(repr(head[:40]))
    start = split + len(HEAD_END)
    if length := LENGTH.search(head):
        size = int(length[1])
        body = bytes(data[start : start + size]) if len(data) >= start + size else None
    elif CHUNKED.search(head):
        body = join_chunks(data, start)
    else:
        body = bytes(data[start:]) if ended else None
    if body is None:
        return None
    wait = RETRY_AFTER.search(head)
    return Answer(int(head[9:12]), body, int(wait[1]) if wait else 0)


def join_chunks(data: bytes | bytearray, position: int) -> bytes | None:
    """Return the body of chunks that start at `position`; None while the last one is missing."""
    body = bytearray()
    while (line_end := data.find(b"\r\n", position)) >= 0:
        size = int(bytes(data[position:line_end]).partition(b";")[0], 16)
        chunk_end = line_end + 2 + size
        if len(data) < chunk_end + 2:
            return None
        if size == 0:
            return bytes(body)
        body += data[line_end + 2 : chunk_end]
        position = chunk_end + 2
    return None
