"""One exchange: connect to an address that was judged, within a deadline, and read no more than is allowed."""

import http.client
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from workflows import conf
from workflows.outbound import allowed, targets
from workflows.outbound.addresses import Address
from workflows.outbound.allowed import Rule
from workflows.outbound.targets import (
    OutboundFailed,
    OutboundRefused,
    OutboundTimedOut,
    Resolver,
    ResponseTooLarge,
    Target,
)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
# Ours to say: they frame the message, or name whom it is for.
OWN_HEADERS = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
        "trailer",
        "keep-alive",
        "accept-encoding",
        "expect",
        "proxy-connection",
        "proxy-authorization",
    }
)
# What another origin may be told after a redirect; all else may be a credential.
HARMLESS_HEADERS = frozenset({"accept", "accept-language", "user-agent", "content-type"})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CONNECT_SECONDS = 10.0
CONNECT_ADDRESSES = 4
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What to send. Its repr shows neither headers nor body; both may hold secrets."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout_seconds: float = 30.0
    follow: bool = True


@dataclass(frozen=True, slots=True)
class Response:
    """What came back; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str = field(repr=False)


def send(request: Request, *, resolver: Resolver = targets.resolve, tls: ssl.SSLContext | None = None) -> Response:
    """Send a request and return the response, whatever its status; each redirect is judged like the first address.

    Raises:
        OutboundRefused: the guard doesn't let it go, or it can't be a request at all.
        OutboundFailed: nobody answers, or not in whole; OutboundTimedOut: not in time.
        ResponseTooLarge: more than WORKFLOWS_OUTBOUND_MAX_BYTES.
    """
    current = conf.current()
    deadline = time.monotonic() + min(request.timeout_seconds, current.outbound_max_seconds)
    rules = _rules(current.outbound_allow)
    request, target = _checked(request), targets.parse(request.url)
    for _ in range(current.outbound_redirects + 1):
        found = targets.choose(target, _timely(resolver, deadline), rules)
        response = _exchange(request, target, found, deadline, tls or _trusted())
        location = response.headers.get("location")
        if not request.follow or response.status not in REDIRECTS or not location:
            return response
        request, target = _redirected(request, response.status, target, target.follow(location))
    raise OutboundRefused(f"{target.origin} redirects more than {current.outbound_redirects} times")


def _timely(resolver: Resolver, deadline: float) -> Resolver:
    """Give a resolver the time that is left: the system's own takes as long as it likes."""

    def resolve(host: str, port: int) -> Sequence[str]:
        answers: SimpleQueue[Sequence[str] | BaseException] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(resolver(host, port))
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                answers.put(error)

        threading.Thread(target=ask, name="resolve", daemon=True).start()
        try:
            answer = answers.get(timeout=max(deadline - time.monotonic(), 0))
        except Empty:
            raise OutboundTimedOut(f"{host} was not resolved in time") from None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return resolve


def _checked(request: Request) -> Request:
    if request.method not in METHODS:
        raise OutboundRefused(f"method is none of {', '.join(sorted(METHODS))}")
    for name, value in request.headers.items():
        if not TOKEN.fullmatch(name) or name.lower() in OWN_HEADERS:
            raise OutboundRefused(f"headers: {name[:100]!r} is no header that a request may set")
        if not VALUE.fullmatch(value):
            raise OutboundRefused(f"headers: the value of {name} has a line break or a control character")
    return request


def _redirected(request: Request, status: int, here: Target, there: Target) -> tuple[Request, Target]:
    """Return what to send there: as browsers do, but credentials and bodies stay with the origin they are for."""
    if status == 303 or (status in {301, 302} and request.method == "POST"):
        method = "HEAD" if request.method == "HEAD" else "GET"
        kept = {name: value for name, value in request.headers.items() if name.lower() != "content-type"}
        request = replace(request, method=method, body=None, headers=kept)
    if there.origin == here.origin:
        return request, there
    if request.body is not None:
        raise OutboundRefused(f"{here.origin} redirects the body to {there.origin}; ask for the address it should be")
    kept = {name: value for name, value in request.headers.items() if name.lower() in HARMLESS_HEADERS}
    return replace(request, headers=kept), there


def _exchange(
    request: Request, target: Target, found: Sequence[Address], deadline: float, tls: ssl.SSLContext
) -> Response:
    connection = _connect(target, found, deadline, tls)
    with _Watch(connection, deadline) as watch:
        try:
            connection.request(
                request.method,
                target.path,
                body=request.body,
                headers=_headers(request, target),
                preload_content=False,
                decode_content=False,
            )
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.headers.items()}
            body = _read(response, headers.get("content-encoding", "").strip().lower())
        except (HTTPError, http.client.HTTPException, OSError) as error:
            watch.refuse_late()
            raise OutboundFailed(f"{target.origin} broke off: {type(error).__name__}") from None
        watch.refuse_late()
    return Response(response.status, headers, body, target.url)


def _headers(request: Request, target: Target) -> dict[str, str]:
    given = {name: value.encode().decode("latin-1") for name, value in request.headers.items()}
    named = {name.lower() for name in given}
    ours = {"Host": target.authority, "Accept-Encoding": "identity", "Connection": "close"}
    if "user-agent" not in named:
        ours["User-Agent"] = "Mollifier"
    return {**ours, **given}


def _connect(target: Target, found: Sequence[Address], deadline: float, tls: ssl.SSLContext) -> HTTPConnection:
    """Connect to the first address that answers; the name is used for TLS and the Host header only."""
    error: Exception | None = None
    for address in found[:CONNECT_ADDRESSES]:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        connection = _connection(target, str(address), min(left, CONNECT_SECONDS), tls)
        try:
            connection.connect()
        except (HTTPError, OSError) as failed:
            connection.close()
            error = failed
        else:
            return connection
    if time.monotonic() >= deadline:
        raise OutboundTimedOut(f"{target.origin} did not take the connection in time")
    raise OutboundFailed(f"{target.origin} takes no connection: {_why(error)}") from None


def _connection(target: Target, address: str, timeout: float, tls: ssl.SSLContext) -> HTTPConnection:
    if target.scheme == "http":
        return HTTPConnection(address, target.port, timeout=timeout)
    # The context checks the certificate against that name; assert_hostname would switch its check off.
    return HTTPSConnection(address, target.port, timeout=timeout, ssl_context=tls, server_hostname=target.host)


def _why(error: Exception | None) -> str:
    cause = error.__cause__ or error if error else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({cause.verify_message})"
    return getattr(cause, "strerror", None) or type(cause).__name__


def _read(response: HTTPResponse, encoding: str) -> bytes:
    limit = conf.current().outbound_max_bytes
    if encoding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
        raise OutboundFailed(f"the response is encoded as {encoding[:40]!r}, which was not asked for")
    inflate = zlib.decompressobj(47) if encoding not in {"", "identity"} else None
    kept = bytearray()
    while chunk := response.read(CHUNK):
        try:
            kept += inflate.decompress(chunk, limit + 1 - len(kept)) if inflate else chunk
        except zlib.error:
            raise OutboundFailed("the response is not encoded as it says") from None
        if len(kept) > limit:
            raise ResponseTooLarge(f"the response is larger than WORKFLOWS_OUTBOUND_MAX_BYTES ({limit:,})")
    if inflate and kept and not inflate.eof:
        raise OutboundFailed("the response ends before its encoding does")
    return bytes(kept)


class _Watch:
    """Cuts a connection at its deadline: time-outs of single reads would let a slow sender hold a step for ever."""

    def __init__(self, connection: HTTPConnection, deadline: float) -> None:
        self._connection = connection
        # The connection forgets its socket once the response has the reading of it.
        self._socket = connection.sock
        self._late = False
        self._timer = threading.Timer(max(deadline - time.monotonic(), 0), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._connection.timeout = None
        self._socket.settimeout(None)
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        self._connection.close()

    def refuse_late(self) -> None:
        """Raise OutboundTimedOut if the connection was cut: what was read then only looks whole."""
        if self._late:
            raise OutboundTimedOut("the exchange took longer than its time-out") from None

    def _cut(self) -> None:
        self._late = True
        try:
            # The plain socket's: TLS must not be touched while another thread reads.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except OSError:
            return


@cache
def _rules(line: str) -> tuple[Rule, ...]:
    return allowed.read(line)


@cache
def _trusted() -> ssl.SSLContext:
    """Trust what the system trusts; SSL_CERT_FILE names another bundle."""
    return ssl.create_default_context()
