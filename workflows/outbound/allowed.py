"""What an operator lets requests reach besides the public internet, from one line of the settings. Pure."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from workflows.outbound.addresses import Address

HOST = re.compile(r"[a-z0-9_][-a-z0-9_.]*")
ENTRY = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<bare>[^\[\]]+?))(?::(?P<port>\*|\d{1,5}))?")
WEB_PORTS = frozenset({80, 443})


class AllowInvalid(Exception):
    """An entry of WORKFLOWS_OUTBOUND_ALLOW can't be read."""

    code = "outbound_allow_invalid"


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry: a network or a host, at some ports; `ports` None is all.

    With neither network nor host it opens its port for public addresses.
    """

    network: IPv4Network | IPv6Network | None
    host: str | None
    ports: frozenset[int] | None = WEB_PORTS

    def takes(self, port: int) -> bool:
        return self.ports is None or port in self.ports


def read(line: str) -> tuple[Rule, ...]:
    """Read entries that commas part: a host, an address or a network, each with `:port` or `:*` when not web ports.

    Raises:
        AllowInvalid: names the entry and what would do.
    """
    return tuple(_rule(entry.strip().lower()) for entry in line.split(",") if entry.strip())


def covers(rule: Rule, host: str, address: Address, port: int) -> bool:
    """Tell whether a rule lets this host, at this address and port, be reached whatever the address is."""
    if not rule.takes(port):
        return False
    return rule.host == host if rule.host else rule.network is not None and address in rule.network


def opens_port(rule: Rule, port: int) -> bool:
    """Tell whether a rule opens this port for public addresses."""
    return rule.network is None and rule.host is None and rule.takes(port)


def _rule(entry: str) -> Rule:
    # An IPv6 network without brackets has more than one colon, so no port.
    bare = entry.count(":") > 1 and not entry.startswith("[")
    found = None if bare else ENTRY.fullmatch(entry)
    if not bare and found is None:
        raise _invalid(entry)
    named = entry if found is None else str(found["six"] or found["bare"])
    ports = _ports(entry, found["port"] if found else None)
    if named == "*":
        if ports is WEB_PORTS:
            raise _invalid(entry)
        return Rule(None, None, ports)
    try:
        return Rule(ip_network(named), None, ports)
    except ValueError:
        if bare or "/" in named or not HOST.fullmatch(named) or named.rpartition(".")[2].isdigit():
            raise _invalid(entry) from None
    return Rule(None, named.removesuffix("."), ports)


def _ports(entry: str, port: str | None) -> frozenset[int] | None:
    if port is None:
        return WEB_PORTS
    if port == "*":
        return None
    if not 0 < int(port) < 65_536:
        raise _invalid(entry)
    return frozenset({int(port)})


def _invalid(entry: str) -> AllowInvalid:
    return AllowInvalid(
        f"WORKFLOWS_OUTBOUND_ALLOW: {entry!r} is no host, address or network; write 10.1.0.0/16, [fd00::]:8080, "
        "billing.internal:8443, or *:8443 for a port of public addresses"
    )
