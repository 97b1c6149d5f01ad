"""Which addresses are not for tenants to reach: everything but the public internet. Pure."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# IANA's special-purpose registry; the class of the standard library changes with its patch releases.
REFUSED_4 = {
    IPv4Network(network): reason
    for network, reason in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared (CGNAT)"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud's metadata service"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
}
PUBLIC_6 = IPv6Network("2000::/3")
REFUSED_6 = {
    IPv6Network(network): reason
    for network, reason in (
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
    )
}
NAMED_6 = {
    IPv6Network(network): reason
    for network, reason in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
    )
}
NAT64 = IPv6Network("64:ff9b::/96")
SIX_TO_FOUR = IPv6Network("2002::/16")
# Interface ids that carry an IPv4 address (ISATAP), with the universal bit either way.
ISATAP = frozenset({0x00005EFE, 0x02005EFE})


def read(text: str) -> Address:
    """Return the address; one that is mapped into IPv6 as the IPv4 address that it is.

    Raises:
        ValueError: not an address in its canonical notation, or one with a zone.
    """
    if "%" in text:
        raise ValueError(f"{text!r} names a zone")
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def refusal(address: Address) -> str | None:
    """Say what an address is that tenants may not reach; None for a public one."""
    if isinstance(address, IPv4Address):
        return next((reason for network, reason in REFUSED_4.items() if address in network), None)
    carried = _carried(address)
    if carried is not None and (reason := refusal(carried)) is not None:
        return f"{reason}, inside an IPv6 address"
    if address in NAT64:
        return None
    if address not in PUBLIC_6:
        return next((reason for network, reason in NAMED_6.items() if address in network), "reserved")
    return next((reason for network, reason in REFUSED_6.items() if address in network), None)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that a translator or a tunnel would reach."""
    number = int(address)
    if address.ipv4_mapped is not None or address in NAT64 or (number >> 32) & 0xFFFFFFFF in ISATAP:
        return IPv4Address(number & 0xFFFFFFFF)
    return IPv4Address((number >> 80) & 0xFFFFFFFF) if address in SIX_TO_FOUR else None
