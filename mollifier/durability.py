"""What Redis must be for the chosen DURABILITY: pure rules over what the server says of itself.

docs/operations.md says what each mode can lose.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mollifier.conf import Conf, Durability

# The parts of INFO that are asked for.
SECTIONS = ("memory", "persistence", "replication")
# A small entry takes up to 1.6 times what it is charged; bindings, which outlive entries, have a share beside them.
HEADROOM, BINDINGS_SHARE = 2, 0.25


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server said; `appendfsync` is None when it may not be asked."""

    policy: str
    maxmemory: int
    append_only: bool
    appendfsync: str | None
    replicas: int

    @classmethod
    def read(cls, info: Mapping[str, Any], appendfsync: str | None) -> "Facts":
        return cls(
            policy=str(info.get("maxmemory_policy", "")),
            maxmemory=int(info.get("maxmemory", 0)),
            append_only=str(info.get("aof_enabled", "0")) == "1",
            appendfsync=appendfsync,
            replicas=int(info.get("connected_slaves", 0)),
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and what to do; `refused` when nothing may start with it."""

    id: str
    text: str
    hint: str
    refused: bool


def judge(facts: Facts, settings: Conf) -> Iterator[Fault]:
    """Compare the server with the settings."""
    yield from eviction(facts)
    yield from memory(facts, settings)
    yield from persistence(facts, settings)
    yield from replication(facts, settings)


def eviction(facts: Facts) -> Iterator[Fault]:
    if facts.policy != "noeviction":
        yield Fault(
            "mollifier.E009",
            f"Redis may evict what is buffered: maxmemory-policy is {facts.policy or 'unknown'}",
            "set maxmemory-policy noeviction: evicted entries are lost triggers",
            refused=True,
        )


def needed_bytes(settings: Conf) -> int:
    """Return the maxmemory that full caps need."""
    return round(settings.cap_total_bytes * (HEADROOM + BINDINGS_SHARE))


def memory(facts: Facts, settings: Conf) -> Iterator[Fault]:
    if not facts.maxmemory:
        return
    if not settings.cap_total_bytes:
        yield Fault(
            "mollifier.W003",
            "CAP_TOTAL_BYTES is off, so nothing keeps the buffer within maxmemory",
            "set MOLLIFIER_CAP_TOTAL_BYTES to a quarter of maxmemory",
            refused=False,
        )
    elif needed_bytes(settings) > facts.maxmemory:
        yield Fault(
            "mollifier.E010",
            f"full caps need {needed_bytes(settings)} bytes (twice CAP_TOTAL_BYTES, and a quarter of it for bindings); "
            f"maxmemory is {facts.maxmemory}",
            "raise maxmemory, or lower MOLLIFIER_CAP_TOTAL_BYTES",
            refused=True,
        )


def persistence(facts: Facts, settings: Conf) -> Iterator[Fault]:
    match settings.durability:
        case Durability.MEMORY | Durability.REPLICATED:
            return
        case Durability.AOF:
            if not facts.append_only:
                yield Fault(
                    "mollifier.W002",
                    "Redis keeps no append-only file: a restart loses what is buffered",
                    "set appendonly yes, or say MOLLIFIER_DURABILITY=memory if that may be",
                    refused=False,
                )
        case Durability.SYNCED:
            if not facts.append_only or facts.appendfsync != "always":
                seen = f"appendfsync is {facts.appendfsync or 'unknown'}" if facts.append_only else "appendonly is no"
                yield Fault(
                    "mollifier.E011",
                    f"DURABILITY is synced, but {seen}",
                    "set appendonly yes and appendfsync always",
                    refused=True,
                )


def replication(facts: Facts, settings: Conf) -> Iterator[Fault]:
    """Look for the replicas that are waited for; one that is away just now must not keep the service from starting."""
    if settings.replicas_awaited > facts.replicas:
        yield Fault(
            "mollifier.W004",
            f"DURABILITY is replicated to {settings.replicas}, but {facts.replicas} replicas are connected: "
            "each trigger waits DURABLE_TIMEOUT_MS, then starts directly",
            "bring the replicas up, or lower MOLLIFIER_REPLICAS",
            refused=False,
        )
