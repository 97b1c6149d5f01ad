"""Hostile addresses: taken apart strictly, resolved once, every answer judged."""

import socket

import pytest

from workflows.outbound import allowed, targets
from workflows.outbound.targets import OutboundFailed, OutboundRefused

HOSTILE_URLS = [
    "http://127.0.0.1/",
    "http://localhost/",
    "http://2130706433/",
    "http://public.example/\udc80",
    "http://0x7f000001/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://1.2.3.4.5/",
    "http://127.0.0.1./",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::1",
    "http://[v1.a]/",
    "http://user@8.8.8.8/",
    "http://8.8.8.8@127.0.0.1/",
    "http://public.example:80@127.0.0.1/",
    "http://127.0.0.1\\@public.example/",
    "http://public.example\\.internal/",
    "http://public.example /",
    "http://public.example\r\nHost: x/",
    "http://public.example\x00.internal/",
    "http://%31%32%37.0.0.1/",
    "http:///etc/passwd",
    "http://",
    "http://-a.example/",
    "http://a..b/",
    "http://public.example:0/",
    "http://public.example:99999/",
    "http://public.example:22/",
    "http://public.example:6379/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://METADATA.google.internal./",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.100.100.200/",
    "http://[fd00:ec2::254]/",
    "http://inside.example/",
    "http://mixed.example/",
    "http://linked.example/",
    "file:///etc/passwd",
    "gopher://public.example/",
    "ftp://public.example/",
    "//public.example/",
    "public.example",
    "javascript:alert(1)",
    "http://" + "a" * 254 + "/",
    "http://public.example/" + "a" * 9_000,
]
KNOWN = {
    "public.example": ["93.184.216.34", "2606:2800::1"],
    "localhost": ["127.0.0.1"],
    "inside.example": ["10.0.0.5"],
    "mixed.example": ["93.184.216.34", "10.0.0.5"],
    "linked.example": ["fe80::1%eth0"],
}


def answer(host: str, port: int) -> list[str]:
    """Answer as a resolver that also reads numbers the lenient way would."""
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        return KNOWN.get(host, ["93.184.216.34"])


@pytest.mark.parametrize("url", HOSTILE_URLS, ids=lambda url: ascii(url)[:60])
def test_a_hostile_address_is_refused(url: str) -> None:
    with pytest.raises(OutboundRefused):
        targets.choose(targets.parse(url), answer, ())


@pytest.mark.parametrize("location", ["http://[::1", "//[", "//\u2100.example/"], ids=ascii)
def test_a_redirect_to_what_can_not_be_read_is_refused(location: str) -> None:
    with pytest.raises(OutboundRefused):
        targets.parse("http://public.example/").follow(location)


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://public.example", "https://public.example", "/"),
        ("HTTP://Public.Example.:80/a%20b?c=d#e", "http://public.example", "/a%20b?c=d"),
        ("https://public.example:443/ä?q=ü", "https://public.example", "/%C3%A4?q=%C3%BC"),
        ("https://bücher.example/", "https://xn--bcher-kva.example", "/"),
        ("https://[2606:2800::1]/", "https://[2606:2800::1]", "/"),
    ],
)
def test_a_public_address_is_taken_apart(url: str, origin: str, path: str) -> None:
    target = targets.parse(url)
    assert (target.origin, target.path) == (origin, path)
    assert targets.choose(target, answer, ())


def test_what_is_connected_to_is_what_was_judged() -> None:
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    found = targets.choose(targets.parse("http://rebinding.example/"), rebinding, ())
    assert [str(each) for each in found] == ["93.184.216.34"]
    assert asked == ["rebinding.example"]


def test_an_operator_may_allow_a_private_address_a_host_and_a_port() -> None:
    rules = allowed.read("10.0.0.0/8, metadata:*, *:8443")
    assert targets.choose(targets.parse("http://inside.example/"), answer, rules)
    assert targets.choose(targets.parse("http://metadata:8080/"), answer, rules)
    assert targets.choose(targets.parse("https://public.example:8443/"), answer, rules)
    with pytest.raises(OutboundRefused):
        targets.choose(targets.parse("http://inside.example:8443/"), answer, rules)


def test_a_host_without_an_address_is_not_reached() -> None:
    with pytest.raises(OutboundFailed):
        targets.choose(targets.parse("http://nobody.example/"), lambda *_: [], ())
    with pytest.raises(OutboundFailed, match=r"nobody\.invalid"):
        targets.resolve("nobody.invalid", 80)


def test_the_system_resolves_loopback() -> None:
    assert "127.0.0.1" in targets.resolve("127.0.0.1", 80)


def test_a_target_shows_its_origin_and_not_its_path() -> None:
    target = targets.parse("https://public.example/hooks/T0KEN?key=s3cret")
    assert repr(target) == "<Target https://public.example>"


def test_a_redirect_is_followed_from_where_it_is_and_never_back_to_plain_http() -> None:
    here = targets.parse("https://public.example/a/b?c")
    assert here.follow("../d").url == "https://public.example/d"
    assert here.follow("//other.example/x").url == "https://other.example/x"
    with pytest.raises(OutboundRefused, match="https to http"):
        here.follow("http://public.example/a")
    with pytest.raises(OutboundRefused):
        here.follow("file:///etc/passwd")
