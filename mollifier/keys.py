"""Every Redis key of the mollifier, in one table.

All keys of a partition share a hash tag, so one script may touch them all, on a cluster too. A family with `per` is
a prefix: scripts put that id behind it. A place is `<org>/<env>`; a caller's text stands in a key as a digest.
A level is whose passes a limit counts: `*`, an org, a place, or `<place>/<digest of a definition>`.
"""

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache

from mollifier.decision import Binding, Reason, Scope

PARTITIONS = 1
FNV_SEED, FNV_PRIME = 2166136261, 16777619


@dataclass(frozen=True, slots=True)
class Family:
    """Keys of one kind: the Redis type, what their name ends in, how long they live, and what they hold."""

    name: str
    type: str
    per: str
    life: str
    holds: str


TABLE = (
    Family(
        "totals",
        "hash",
        "",
        "stays",
        "entries n, in queues q, bytes b, last sequence, rate, last claim and its size, bindings, mirrored, beat",
    ),
    Family("entry", "string", "id", "its entry", "header and snapshot, never changed"),
    Family(
        "side",
        "hash",
        "id",
        "its entry",
        "attempts a, lapses k, patch d, its version v, bytes it adds p, cancel c, error e, first failure f",
    ),
    Family("queue", "zset", "place", "while not empty", "ids by accept sequence: queued"),
    Family("held", "zset", "place", "while not empty", "ids by accept sequence: in any other state"),
    Family(
        "env",
        "hash",
        "place",
        "while it has entries",
        "entries n, in queue q, set aside h, bytes b, largest m, of a group g:<digest>",
    ),
    Family("org", "hash", "org", "while it has entries", "entries n, bytes b"),
    Family("ready_orgs", "zset", "", "while not empty", "orgs with queued work by start tag"),
    Family("ready_envs", "zset", "org", "while not empty", "its environments with queued work by start tag"),
    Family("spent_orgs", "zset", "", "while any org is ready", "finish tags of orgs that ran empty; / is virtual time"),
    Family("spent_envs", "zset", "org", "while the org is ready", "the same for its environments"),
    Family("weights", "hash", "", "stays", "orgs whose weight is not 1"),
    Family("paused", "set", "", "while not empty", "orgs and places that an operator paused"),
    Family("parked", "zset", "", "while not empty", "orgs and places out of the ready sets: -1 paused, 1 at the cap"),
    Family("bucket", "hash", "", "stays", "entries n that the drain rate allows, at the time at"),
    Family("depth", "zset", "", "while not empty", "orgs by entries in their queues"),
    Family("heads", "zset", "", "while not empty", "places by the sequence of their oldest queued entry"),
    Family("alone", "zset", "", "while not empty", "ids to be claimed alone, by sequence: queued"),
    Family("turn", "string", "", "stays", "whether the last claim was of one alone"),
    Family("delayed", "zset", "", "while not empty", "ids by when they are due: delayed"),
    Family("failed", "zset", "", "until redriven or discarded", "ids by when they failed: failed"),
    Family("lease", "hash", "token", "until settled or reclaimed", "ids with their places: leased"),
    Family("leases", "zset", "", "while not empty", "tokens by deadline"),
    Family("passes", "list", "level", "window + 60 s", "times of the last passes, newest first"),
    Family("hold", "string", "level", "hold + 60 s", "until when the level is tripped"),
    Family(
        "binding",
        "string",
        "place:digest",
        "its entry, then BINDING_TTL",
        "id, fingerprint, time of an idempotency key",
    ),
    Family("sent", "string", "place:digest", "10 min", "outcome and id of a request, should it be sent again"),
    Family("mirror", "string", "id", "until compared", "header and snapshot of one that was started too"),
    Family("mirrored", "zset", "", "while not empty", "ids by when they may be compared with their rows: mirrored"),
    Family("drainer", "string", "", "DRAINER_LEASE", "token of the drainer that leads"),
    Family("pending", "string", "", "3 s", "a drainer was asked for"),
    Family("wake", "list", "", "until read", "one nudge for the leading drainer"),
    Family("sweep", "hash", "", "stays", "cursor and beat of the sweep, end of its last cycle, what it found"),
    Family("sweeper", "string", "", "30 s", "token of the sweeper at work"),
    Family("stale", "zset", "", "while not empty", "places with stale entries by when the sweep found them"),
    Family("stale_counts", "hash", "", "while not empty", "stale entries of each of those places"),
    Family("counters", "hash", "", "stays", "decisions, outcomes, gate and dwell times"),
    Family("flow", "hash", "minute", "70 min", "entered i, left o and their dwell w, per second"),
    Family(
        "tally", "hash", "org:day", "REPORT_DAYS", "counts c, definitions over a limit d, imagined waits w, of a day"
    ),
    Family("arrivals", "hash", "place:minute", "ARRIVALS_SECONDS", "arrived a, over a limit o, per second"),
    Family("imagined", "hash", "place", "1 h", "how much would wait there, n, at the time at"),
)
FAMILIES = {family.name: family for family in TABLE}
_NAMES = {
    "ready_orgs": "ready", "ready_envs": "ready", "spent_orgs": "spent", "spent_envs": "spent",
}  # fmt: skip


@lru_cache(maxsize=8192)
def partition_of(org: str) -> int:
    """Return the org's partition: FNV-1a of its id."""
    if PARTITIONS == 1:
        return 0
    value = FNV_SEED
    for byte in org.encode():
        value = (value ^ byte) * FNV_PRIME & 0xFFFFFFFF
    return value % PARTITIONS


@lru_cache(maxsize=256)
def key(family: str, partition: int | str = 0) -> str:
    """Return the family's key, or its prefix; a partition with a name is one that no org is in.

    Raises:
        KeyError: no such family.
    """
    known = FAMILIES[family]
    return f"{{mollifier:{partition}}}:{_NAMES.get(family, family)}" + (":" if known.per else "")


@lru_cache(maxsize=8192)
def place(scope: Scope) -> str:
    return f"{scope.org}/{scope.env}"


def level(reason: Reason, scope: Scope, definition: str) -> str:
    """Return whose passes a limit counts: `*` for everybody, an org, a place, or a definition in a place."""
    match reason:
        case Reason.GLOBAL_RATE:
            return "*"
        case Reason.ORG_RATE:
            return scope.org
        case Reason.DEFINITION_RATE:
            return f"{place(scope)}/{_of_definition(definition)}"
        case _:
            return place(scope)


@lru_cache(maxsize=8192)
def _of_definition(definition: str) -> str:
    return named(definition)


def digest(binding: Binding) -> str:
    """Return what stands for a definition's idempotency key in a Redis key."""
    return named(binding.definition, binding.key)


def named(*texts: str) -> str:
    """Return what stands for texts of a caller in a Redis key: 128 bits as base64url."""
    hashed = hashlib.blake2b(b"\0".join(text.encode() for text in texts), digest_size=16)
    return base64.urlsafe_b64encode(hashed.digest()).rstrip(b"=").decode()
