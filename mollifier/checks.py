"""System checks: wrong settings stop the service at boot. Redis being away does not; the gate then fails open."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from mollifier import buffer, client, conf, durability, lua
from mollifier.errors import BufferUnavailable

GATE, BUFFER = "gate", "buffer"


def check_settings(**_: Any) -> list[CheckMessage]:
    """Check what must agree within MOLLIFIER, and with the connections it uses."""
    try:
        current = conf.current()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="mollifier.E001")]
    return [*_ports(current), *_times(current), *_sizes(current), *_connections()]


def check_redis(**_: Any) -> list[CheckMessage]:
    """Check that Redis keeps what it is given, and has room for the caps; unreachable is only a warning."""
    questions: list[lua.Command] = [("INFO", section) for section in durability.SECTIONS]
    try:
        *sections, fsync = client.exchange([*questions, ("CONFIG", "GET", "appendfsync")], 1.0)
    except BufferUnavailable as error:
        return [Warning(f"Redis can't be checked: {error}", id="mollifier.W001")]
    info = {name: value for section in sections for name, value in _lines(section)}
    facts = durability.Facts.read(info, _value(fsync))
    return [_message(fault) for fault in durability.judge(facts, conf.current())]


def boot() -> None:
    """Prepare a web process, which runs no system checks by itself: these, and the scripts.

    Raises:
        ImproperlyConfigured: a check fails that is not silenced.
    """
    found = check_settings() or check_redis()
    refused = [message for message in found if message.is_serious() and not message.is_silenced()]
    if refused:
        raise ImproperlyConfigured("\n".join(str(message) for message in refused))
    client.load_scripts()


def _ports(current: conf.Conf) -> Iterator[CheckMessage]:
    for name, path in (("MATERIALISER", current.materialiser), ("NAMES", current.names)):
        try:
            if path or name == "MATERIALISER":
                import_string(path)
        except ImportError as error:
            yield Error(f"MOLLIFIER[{name!r}] can't be imported: {error}", id="mollifier.E002")


def _times(current: conf.Conf) -> Iterator[CheckMessage]:
    if current.lease_ms <= current.handler_timeout_ms:
        yield Error("LEASE_MS must be longer than HANDLER_TIMEOUT_MS", id="mollifier.E003")
    if current.shutdown_timeout_seconds > current.graceful_timeout_seconds - 1:
        yield Error("SHUTDOWN_TIMEOUT_SECONDS must be a second below GRACEFUL_TIMEOUT_SECONDS", id="mollifier.E004")
    task_timeout = getattr(settings, "Q_CLUSTER", {}).get("timeout")
    longest = current.slice_seconds + current.shutdown_timeout_seconds
    if task_timeout is not None and task_timeout <= longest:
        yield Error(
            f"Q_CLUSTER['timeout'] ({task_timeout} s) must be longer than a slice and its shutdown ({longest:g} s)",
            id="mollifier.E005",
        )


def _sizes(current: conf.Conf) -> Iterator[CheckMessage]:
    if not 1 <= current.claim_entries <= buffer.MOST_AT_ONCE:
        yield Error(f"CLAIM_ENTRIES must be 1 to {buffer.MOST_AT_ONCE}", id="mollifier.E006")
    if current.durability is conf.Durability.REPLICATED and current.replicas < 1:
        yield Error("DURABILITY is replicated, so REPLICAS must be at least 1", id="mollifier.E012")
    if current.claims_in_flight < 1:
        yield Error("CLAIMS_IN_FLIGHT must be at least 1", id="mollifier.E006")


def _connections() -> Iterator[CheckMessage]:
    missing = [alias for alias in (GATE, BUFFER) if alias not in settings.CACHES]
    if missing:
        yield Error(f"CACHES lacks {', '.join(missing)}", id="mollifier.E007")
    elif settings.CACHES[GATE]["LOCATION"] == settings.CACHES[BUFFER]["LOCATION"]:
        yield Error(
            "CACHES['gate'] and CACHES['buffer'] have the same LOCATION, so one would get the other's time-outs",
            hint="Add ?client_name=gate to one of them.",
            id="mollifier.E008",
        )


def _message(fault: durability.Fault) -> CheckMessage:
    return (Error if fault.refused else Warning)(fault.text, hint=fault.hint, id=fault.id)


def _value(told: Any) -> str | None:
    """Return the one value of a CONFIG GET, a map or a list by protocol; None when it was refused."""
    parts = [*told.values()] if isinstance(told, dict) else told[1:] if isinstance(told, list) else []
    return parts[0].decode() if parts else None


def _lines(info: Any) -> Iterator[tuple[str, str]]:
    """Read a section of INFO; a server that refuses to tell it has told nothing."""
    for line in info.decode().splitlines() if isinstance(info, bytes) else ():
        name, colon, value = line.partition(":")
        if colon:
            yield name, value.strip()
