"""Where a request may go: its address taken apart strictly, and every address of its host judged."""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from workflows.outbound import addresses
from workflows.outbound.addresses import Address
from workflows.outbound.allowed import Rule, covers, opens_port

Resolver = Callable[[str, int], Sequence[str]]
PORTS = {"http": 80, "https": 443}
MAX_URL = 8_192
KEPT = "/%:@!$&'()*+,;=-._~"
HOST = re.compile(r"[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*")
FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
# Names under which clouds answer with credentials, whatever address they resolve to here.
METADATA_HOSTS = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "metadata.azure.internal", "instance-data"}
)


class OutboundRefused(Exception):
    """The guard doesn't let this request go; no retry can help."""

    code = "outbound_refused"


class OutboundFailed(Exception):
    """The other side could not be reached, or broke off."""

    code = "outbound_failed"


class OutboundTimedOut(OutboundFailed):
    """The exchange took longer than it may."""

    code = "outbound_timed_out"


class ResponseTooLarge(Exception):
    """The response is larger than it may be."""

    code = "response_too_large"


@dataclass(frozen=True, slots=True)
class Target:
    """A web address in its parts; `path` is what is asked for, with its query.

    Its repr leaves that out: it may hold a secret.
    """

    scheme: str
    host: str
    port: int
    path: str

    def __repr__(self) -> str:
        return f"<Target {self.origin}>"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Return what the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return self.origin + self.path

    def follow(self, location: str) -> "Target":
        """Return where a redirect leads.

        Raises:
            OutboundRefused: not a web address, or from https back to http.
        """
        try:
            there = parse(urljoin(self.url, location))
        except ValueError:
            raise OutboundRefused(f"{self.origin} redirects to what can't be read as an address") from None
        if self.scheme == "https" and there.scheme == "http":
            raise OutboundRefused(f"{self.origin} redirects from https to http; ask for the address it should be")
        return there


def parse(url: str) -> Target:
    """Take a web address apart; what two parsers could read in two ways is refused.

    Raises:
        OutboundRefused: says what is wrong, never the address itself.
    """
    if len(url) > MAX_URL:
        raise OutboundRefused(f"url is longer than {MAX_URL} characters")
    if FORBIDDEN.search(url):
        raise OutboundRefused("url has a space, a backslash, a control or half a character; percent-encode it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise OutboundRefused("url can't be read: host or port is malformed") from None
    if parts.scheme not in PORTS:
        raise OutboundRefused("url must start with http:// or https://")
    if "@" in parts.netloc:
        raise OutboundRefused("url names a user; send an Authorization header instead")
    if port == 0:
        raise OutboundRefused("url names port 0")
    return Target(parts.scheme, _host(parts), port or PORTS[parts.scheme], _path(parts))


def _host(parts: SplitResult) -> str:
    name = parts.hostname or ""
    if "[" in parts.netloc:
        try:
            return str(addresses.read(name))
        except ValueError:
            raise OutboundRefused("url names an IPv6 address that is malformed or has a zone") from None
    try:
        host = name.encode("idna").decode().lower().removesuffix(".")
    except UnicodeError:
        raise OutboundRefused("url names a host that is no host name") from None
    if len(host) > 253 or not HOST.fullmatch(host):
        raise OutboundRefused("url names no host, or one that is no host name")
    # A resolver reads 127.1, 0x7f000001, 017700000001 and 2130706433 as 127.0.0.1.
    last = host.rpartition(".")[2]
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        try:
            return str(addresses.read(host))
        except ValueError:
            raise OutboundRefused("url names an address that isn't four decimal numbers") from None
    return host


def _path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe=KEPT)
    return f"{path}?{quote(parts.query, safe=KEPT + '?')}" if parts.query else path


def resolve(host: str, port: int) -> list[str]:
    """Ask the system for a host's addresses.

    Raises:
        OutboundFailed: it knows none, or does not answer.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise OutboundFailed(f"{host} has no address: {error.strerror}") from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def choose(target: Target, resolver: Resolver, rules: Sequence[Rule]) -> list[Address]:
    """Return the addresses to connect to, all of them judged: the very ones, so no later answer can differ.

    Raises:
        OutboundRefused: any of them may not be reached, or not at this port.
        OutboundFailed: there are none.
    """
    if target.host in METADATA_HOSTS and not any(rule.host == target.host for rule in rules):
        raise OutboundRefused(f"{target.host} is a cloud's metadata service")
    try:
        found = [addresses.read(target.host)]
    except ValueError:
        found = [_known(target, text) for text in resolver(target.host, target.port)]
    if not found:
        raise OutboundFailed(f"{target.host} has no address")
    for address in found:
        _judge(target, address, rules)
    return found


def _known(target: Target, text: str) -> Address:
    try:
        return addresses.read(text)
    except ValueError:
        raise OutboundRefused(f"{target.host} resolves to an address of one link") from None


def _judge(target: Target, address: Address, rules: Sequence[Rule]) -> None:
    if any(covers(rule, target.host, address, target.port) for rule in rules):
        return
    reason = addresses.refusal(address)
    if reason is not None:
        raise OutboundRefused(f"{target.host} is {reason}: not for workflows, unless WORKFLOWS_OUTBOUND_ALLOW names it")
    if target.port not in PORTS.values() and not any(opens_port(rule, target.port) for rule in rules):
        raise OutboundRefused(f"port {target.port} is not 80 or 443; WORKFLOWS_OUTBOUND_ALLOW can open *:{target.port}")
