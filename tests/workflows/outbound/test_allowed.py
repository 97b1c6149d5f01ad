"""The operator's line of exceptions: what it opens, and what can't be read."""

import pytest

from workflows.outbound import addresses, allowed
from workflows.outbound.allowed import AllowInvalid


def is_covered(line: str, host: str, address: str, port: int) -> bool:
    return any(allowed.covers(rule, host, addresses.read(address), port) for rule in allowed.read(line))


@pytest.mark.parametrize(
    ("line", "host", "address", "port"),
    [
        ("10.1.0.0/16", "a.internal", "10.1.2.3", 80),
        ("10.1.0.0/16", "a.internal", "10.1.2.3", 443),
        ("10.1.2.3:8080", "10.1.2.3", "10.1.2.3", 8080),
        ("10.1.0.0/16:*", "a.internal", "10.1.2.3", 9999),
        ("billing.internal", "billing.internal", "192.168.0.9", 443),
        ("Billing.Internal:8443", "billing.internal", "192.168.0.9", 8443),
        ("fd00::/8", "a.internal", "fd00::9", 443),
        ("[fd00::9]:8080", "a.internal", "fd00::9", 8080),
        ("::1", "localhost", "::1", 80),
        ("x.example, 127.0.0.1:*", "localhost", "127.0.0.1", 5000),
        ("10.0.0.0/8", "mapped", "::ffff:10.0.0.1", 80),
    ],
)
def test_an_entry_opens_what_it_names(line: str, host: str, address: str, port: int) -> None:
    assert is_covered(line, host, address, port)


@pytest.mark.parametrize(
    ("line", "host", "address", "port"),
    [
        ("", "a", "10.1.2.3", 80),
        ("10.1.0.0/16", "a", "10.2.2.3", 80),
        ("10.1.0.0/16", "a", "10.1.2.3", 8080),
        ("billing.internal", "other.billing.internal", "10.0.0.1", 443),
        ("billing.internal:8443", "billing.internal", "10.0.0.1", 443),
        ("*:8443", "a", "10.1.2.3", 8443),
        ("fd00::/8", "a", "10.1.2.3", 80),
    ],
)
def test_an_entry_opens_no_more_than_that(line: str, host: str, address: str, port: int) -> None:
    assert not is_covered(line, host, address, port)


def test_a_star_with_a_port_opens_that_port_of_public_addresses() -> None:
    (rule,) = allowed.read("*:8443")
    assert allowed.opens_port(rule, 8443)
    assert not allowed.opens_port(rule, 22)
    assert not allowed.opens_port(allowed.read("a.example:8443")[0], 8443)


@pytest.mark.parametrize(
    "entry", ["*", "10.1.2.3/8", "10.0.0", "a b", "http://a.example", "a:0", "a:70000", "a:x", "[::1", "::g", "a/24"]
)
def test_an_entry_that_can_not_be_read_is_named(entry: str) -> None:
    with pytest.raises(AllowInvalid, match="OUTBOUND_ALLOW") as refused:
        allowed.read(f"10.0.0.0/8, {entry}")
    assert repr(entry) in str(refused.value)
