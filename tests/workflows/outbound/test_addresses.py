"""Every address that is not the public internet's is refused, however it is written."""

import ipaddress

import pytest

from workflows.outbound import addresses

PUBLIC = ["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]
HOSTILE = {
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "0.0.0.0": "this network",
    "10.1.2.3": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "100.64.0.1": "shared",
    "100.100.100.200": "shared",
    "169.254.169.254": "link-local",
    "168.63.129.16": "metadata",
    "192.0.0.192": "reserved",
    "198.18.0.1": "benchmarking",
    "203.0.113.9": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "reserved",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:169.254.169.254": "link-local",
    "::ffff:0:127.0.0.1": "reserved",
    "64:ff9b::10.0.0.1": "private, inside",
    "64:ff9b:1::1": "reserved",
    "2002:7f00:1::": "loopback, inside",
    "2002:a9fe:a9fe::1": "link-local, inside",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "reserved",
    "2001:db8::1": "documentation",
    "2a00:1450::5efe:10.0.0.1": "private, inside",
    "2a00:1450::200:5efe:192.168.0.1": "private, inside",
    "fc00::1": "private",
    "fd00:ec2::254": "private",
    "fe80::1": "link-local",
    "fec0::1": "reserved",
    "ff02::1": "multicast",
    "100::1": "reserved",
    "5f00::1": "reserved",
}


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_may_be_reached(text: str) -> None:
    assert addresses.refusal(addresses.read(text)) is None


@pytest.mark.parametrize(("text", "reason"), HOSTILE.items())
def test_any_other_address_is_refused_for_what_it_is(text: str, reason: str) -> None:
    assert reason in addresses.refusal(ipaddress.ip_address(text))
    assert reason in addresses.refusal(addresses.read(text))


def test_a_translated_public_address_may_be_reached() -> None:
    assert addresses.refusal(addresses.read("64:ff9b::8.8.8.8")) is None
    assert addresses.refusal(addresses.read("2002:808:808::1")) is None


def test_a_mapped_address_is_the_address_that_it_maps() -> None:
    assert str(addresses.read("::ffff:10.0.0.1")) == "10.0.0.1"


@pytest.mark.parametrize("text", ["fe80::1%eth0", "127.1", "0x7f000001", "010.0.0.1", "2130706433", "1.2.3.4 "])
def test_only_the_canonical_notation_is_an_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"zone|does not appear"):
        addresses.read(text)


def test_everything_the_standard_library_calls_private_is_refused() -> None:
    for text in [*HOSTILE, "192.0.0.1", "198.51.100.1", "fd12::1"]:
        address = ipaddress.ip_address(text)
        if not address.is_global:
            assert addresses.refusal(address), text
