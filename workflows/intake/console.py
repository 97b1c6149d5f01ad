"""What the operator pages ask of the mollifier; reads only, and none of them raises when Redis is away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from mollifier import conf, stats
from mollifier.errors import BufferUnavailable


@dataclass(frozen=True, slots=True)
class Depth:
    """An org's buffered work; both are None when Redis does not answer."""

    queued: int | None
    oldest_seconds: float | None


UNKNOWN = Depth(None, None)
EMPTY = Depth(0, None)


def depths(orgs: Sequence[UUID]) -> Mapping[UUID, Depth]:
    """Return the depth of every org asked for, in one exchange."""
    try:
        found = stats.of_orgs([str(org) for org in orgs])
    except BufferUnavailable:
        return dict.fromkeys(orgs, UNKNOWN)
    return {
        org: Depth(depth.queued, depth.oldest_age_seconds) if (depth := found.get(str(org))) else EMPTY for org in orgs
    }


def defaults() -> dict[str, int]:
    """Return what the settings say where an org's flags say nothing."""
    now = conf.current()
    return {
        "limit": now.limit,
        "window_ms": now.window_ms,
        "hold_ms": now.hold_ms,
        "org_limit": now.org_limit,
        "org_window_ms": now.org_window_ms,
    }


def diverting() -> bool:
    """Tell whether the gate may divert at all."""
    return conf.current().divert
