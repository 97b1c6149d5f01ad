"""Exchanges over real sockets: guarded, within their time and size, each redirect judged again."""

import gzip
import threading

import pytest

from tests import outside as servers
from workflows.outbound import (
    OutboundFailed,
    OutboundRefused,
    OutboundTimedOut,
    Request,
    ResponseTooLarge,
    send,
)

LOOPBACK = "127.0.0.1:*"


def to_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def test_loopback_is_refused_and_nothing_arrives(outside) -> None:
    with pytest.raises(OutboundRefused, match="loopback"):
        send(Request("GET", outside.url))
    with pytest.raises(OutboundRefused, match="loopback"):
        send(Request("GET", f"http://shop.example:{outside.port}/"), resolver=to_loopback)
    assert outside.seen == []


def test_a_request_arrives_as_it_was_asked_for(outside, allow) -> None:
    allow(LOOPBACK)
    request = Request("POST", f"{outside.url}/orders?x=1", {"X-Order": "ä", "Accept": "text/plain"}, b'{"n":1}')
    response = send(request)
    (seen,) = outside.seen
    assert (seen.method, seen.path, seen.json) == ("POST", "/orders?x=1", {"n": 1})
    assert seen.headers["x-order"].encode("latin-1").decode() == "ä"
    assert (seen.headers["host"], seen.headers["user-agent"]) == (f"127.0.0.1:{outside.port}", "Mollifier")
    assert (response.status, response.body) == (200, b'{"ok":true}')
    assert response.headers["content-type"] == "application/json"


def test_the_host_header_names_the_host_and_the_connection_goes_to_the_judged_address(outside, allow) -> None:
    allow("shop.example:*")
    send(Request("GET", f"http://shop.example:{outside.port}/"), resolver=to_loopback)
    assert outside.seen[0].headers["host"] == f"shop.example:{outside.port}"


def test_a_resolver_that_changes_its_mind_is_not_asked_twice(outside, allow) -> None:
    allow("127.0.0.1:*")
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.255.255.1"]

    assert send(Request("GET", f"http://shop.example:{outside.port}/"), resolver=rebinding).status == 200
    assert asked == ["shop.example"]


def test_tls_shows_the_name_and_checks_it_against_the_certificate(tmp_path, allow) -> None:
    allow("shop.example:*, other.example:*")
    server, client = servers.certificate(tmp_path, "shop.example")
    names = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    with servers.serve(server) as outside:
        address = f"https://shop.example:{outside.port}/"
        assert send(Request("GET", address), resolver=to_loopback, tls=client).status == 200
        assert names == ["shop.example"]
        with pytest.raises(OutboundFailed, match="certificate"):
            send(Request("GET", address.replace("shop", "other")), resolver=to_loopback, tls=client)
        with pytest.raises(OutboundFailed, match="certificate"):
            send(Request("GET", address), resolver=to_loopback)
        assert len(outside.seen) == 1


def test_a_redirect_to_what_may_not_be_reached_is_refused(outside, allow) -> None:
    with servers.serve() as inside:
        allow(f"127.0.0.1:{outside.port}")
        for location in (inside.url, "http://169.254.169.254/latest", "http://[::1]/", "http://localhost/"):
            outside.answer = lambda handler, to=location: handler.say(302, Location=to)
            with pytest.raises(OutboundRefused):
                send(Request("GET", outside.url))
        assert inside.seen == []


def test_a_redirect_to_another_origin_takes_no_credentials_along(outside, allow) -> None:
    allow(LOOPBACK)
    with servers.serve() as other:
        outside.answer = lambda handler: handler.say(302, Location=f"{other.url}/there")
        headers = {"Authorization": "Bearer s3cret", "X-Api-Key": "s3cret", "Accept": "text/plain"}
        response = send(Request("GET", outside.url, headers))
        assert response.url == f"{other.url}/there"
        assert other.seen[0].headers["accept"] == "text/plain"
        assert "s3cret" not in str(other.seen[0])


def test_a_redirect_within_the_origin_keeps_them(outside, allow) -> None:
    allow(LOOPBACK)
    outside.answer = lambda handler: handler.say(307, Location="/b") if handler.path == "/a" else handler.say(200)
    send(Request("POST", f"{outside.url}/a", {"X-Api-Key": "s3cret"}, b"body"))
    assert [(seen.method, seen.path, seen.body) for seen in outside.seen] == [
        ("POST", "/a", b"body"),
        ("POST", "/b", b"body"),
    ]
    assert outside.seen[1].headers["x-api-key"] == "s3cret"


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET")])
def test_a_post_that_is_redirected_becomes_a_get_without_a_body(outside, allow, status, method) -> None:
    allow(LOOPBACK)
    outside.answer = lambda handler: handler.say(status, Location="/b") if handler.path == "/a" else handler.say(200)
    send(Request("POST", f"{outside.url}/a", {"Content-Type": "text/plain"}, b"body"))
    assert (outside.seen[1].method, outside.seen[1].body) == (method, b"")
    assert "content-type" not in outside.seen[1].headers


def test_a_body_is_not_redirected_to_another_origin(outside, allow) -> None:
    allow(LOOPBACK)
    with servers.serve() as other:
        outside.answer = lambda handler: handler.say(308, Location=other.url)
        with pytest.raises(OutboundRefused, match="redirects the body"):
            send(Request("POST", outside.url, {}, b"body"))
        assert other.seen == []


def test_redirects_have_an_end_and_need_not_be_followed(outside, allow) -> None:
    allow(LOOPBACK, OUTBOUND_REDIRECTS=3)
    outside.answer = lambda handler: handler.say(302, Location="/again")
    with pytest.raises(OutboundRefused, match="more than 3 times"):
        send(Request("GET", outside.url))
    assert len(outside.seen) == 4
    assert send(Request("GET", outside.url, follow=False)).status == 302


@pytest.mark.parametrize(
    "request_",
    [
        Request("TRACE", "http://public.example"),
        Request("GET /x HTTP/1.1\r\n", "http://public.example"),
        Request("GET", "http://public.example", {"Host": "metadata"}),
        Request("GET", "http://public.example", {"Transfer-Encoding": "chunked"}),
        Request("GET", "http://public.example", {"X\r\nY": "z"}),
        Request("GET", "http://public.example", {"X": "a\r\nHost: b"}),
        Request("GET", "http://public.example", {"X": "a\x00"}),
    ],
)
def test_what_could_be_read_as_another_request_is_refused(request_) -> None:
    with pytest.raises(OutboundRefused):
        send(request_, resolver=to_loopback)


def test_a_response_that_is_too_large_is_cut_off(outside, allow) -> None:
    allow(LOOPBACK, OUTBOUND_MAX_BYTES=1_000)
    outside.answer = lambda handler: handler.say(200, b"x" * 1_000)
    assert len(send(Request("GET", outside.url)).body) == 1_000
    outside.answer = lambda handler: handler.say(200, b"x" * 1_001)
    with pytest.raises(ResponseTooLarge):
        send(Request("GET", outside.url))
    bomb = gzip.compress(b"x" * 10_000_000)
    outside.answer = lambda handler: handler.say(200, bomb, Content_Encoding="gzip")
    with pytest.raises(ResponseTooLarge):
        send(Request("GET", outside.url))


def test_an_encoded_response_is_decoded_or_refused(outside, allow) -> None:
    allow(LOOPBACK)
    packed = gzip.compress(b"hello")
    outside.answer = lambda handler: handler.say(200, packed, Content_Encoding="gzip")
    assert send(Request("GET", outside.url)).body == b"hello"
    for body, encoding in ((b"junk", "gzip"), (packed[:-4], "gzip"), (b"x", "br")):
        outside.answer = lambda handler, b=body, e=encoding: handler.say(200, b, Content_Encoding=e)
        with pytest.raises(OutboundFailed):
            send(Request("GET", outside.url))


@pytest.mark.parametrize("before", ["headers", "body"])
def test_a_response_that_drips_is_cut_at_its_deadline(outside, allow, before) -> None:
    allow(LOOPBACK)
    ended = threading.Event()

    def drip(handler) -> None:
        if before == "body":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        try:
            for _ in range(10_000):
                handler.wfile.write(b"x")
                if ended.wait(0.01):
                    return
        finally:
            handler.close_connection = True

    outside.answer = drip
    with pytest.raises(OutboundTimedOut):
        send(Request("GET", outside.url, timeout_seconds=0.3))
    ended.set()


def test_no_request_may_take_longer_than_the_settings_let_it(outside, allow) -> None:
    allow(LOOPBACK, OUTBOUND_MAX_SECONDS=0.2)
    ended = threading.Event()
    outside.answer = lambda handler: ended.wait(30)
    with pytest.raises(OutboundTimedOut):
        send(Request("GET", outside.url, timeout_seconds=30))
    ended.set()


def test_a_resolver_that_does_not_answer_is_given_up(outside, allow) -> None:
    allow(LOOPBACK)
    ended = threading.Event()
    with pytest.raises(OutboundTimedOut):
        send(Request("GET", "http://shop.example/", timeout_seconds=0.2), resolver=lambda *_: ended.wait(30) or [])
    ended.set()

    def fail(host: str, port: int) -> list[str]:
        raise OutboundFailed(f"{host} has no address")

    with pytest.raises(OutboundFailed, match="no address"):
        send(Request("GET", "http://shop.example/"), resolver=fail)


def test_nobody_there_and_half_an_answer_are_failures(outside, allow) -> None:
    allow(LOOPBACK)

    def half(handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        handler.close_connection = True

    outside.answer = half
    with pytest.raises(OutboundFailed, match="broke off"):
        send(Request("GET", outside.url))
    outside.answer = lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")
    with pytest.raises(OutboundFailed, match="broke off"):
        send(Request("GET", outside.url))
    with servers.serve() as gone:
        pass
    with pytest.raises(OutboundFailed, match="takes no connection"):
        send(Request("GET", gone.url))


def test_the_next_address_is_tried_when_one_takes_no_connection(outside, allow) -> None:
    allow("127.0.0.0/8:*")
    answer = ["127.0.0.9", "127.0.0.1"]
    assert send(Request("GET", f"http://shop.example:{outside.port}/"), resolver=lambda *_: answer).status == 200


def test_a_request_shows_neither_address_nor_headers_nor_body() -> None:
    request = Request("POST", "https://public.example/?key=s3cret", {"Authorization": "s3cret"}, b"s3cret")
    assert "s3cret" not in repr(request)
