"""System checks: wrong settings stop the service at boot. Redis being away does not; the gate then fails open."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from redis.exceptions import RedisError

from mollifier import buffer, client, conf
from mollifier.errors import BufferUnavailable

GATE, BUFFER = "gate", "buffer"


def check_settings(**_: Any) -> list[CheckMessage]:
    """Check what must agree within MOLLIFIER, and with the connections it uses."""
    try:
        current = conf.current()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="mollifier.E001")]
    return [*_materialiser(current), *_times(current), *_sizes(current), *_connections()]


def check_redis(**_: Any) -> list[CheckMessage]:
    """Check that Redis keeps what it is given, and has room for the caps; unreachable is only a warning."""
    try:
        memory, persistence = client.exchange([("INFO", "memory"), ("INFO", "persistence")], 1.0)
    except BufferUnavailable as error:
        return [Warning(f"Redis can't be checked: {error}", id="mollifier.W001")]
    facts = {**_facts(memory), **_facts(persistence)}
    return [*_memory(facts, conf.current()), *_durability(facts)]


def _materialiser(current: conf.Conf) -> Iterator[CheckMessage]:
    try:
        import_string(current.materialiser)
    except ImportError as error:
        yield Error(f"MOLLIFIER['MATERIALISER'] can't be imported: {error}", id="mollifier.E002")


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


def _memory(facts: dict[str, str], current: conf.Conf) -> Iterator[CheckMessage]:
    policy, most = facts.get("maxmemory_policy"), int(facts.get("maxmemory", 0))
    if policy != "noeviction" and most:
        yield Error(f"Redis evicts ({policy}); set maxmemory-policy noeviction", id="mollifier.E009")
    if most and current.cap_total_bytes * 2 > most:
        yield Error(
            f"twice CAP_TOTAL_BYTES ({current.cap_total_bytes}) does not fit into maxmemory ({most})",
            id="mollifier.E010",
        )


def _durability(facts: dict[str, str]) -> Iterator[CheckMessage]:
    if facts.get("aof_enabled") == "0":
        yield Warning("Redis keeps no append-only file: a crash loses what is buffered", id="mollifier.W002")


def _facts(info: bytes | dict[str, Any] | RedisError) -> dict[str, str]:
    if not isinstance(info, bytes):
        return {}
    lines = (line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
    return {name: value.strip() for name, value in lines}
