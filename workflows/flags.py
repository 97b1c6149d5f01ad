"""What an org's flags come to for one of its environments; pure."""

import hashlib
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Flags:
    """An org's flags as values; None means the default of the settings. `version` is their ETag."""

    mode: str = "off"
    percent: int = 100
    limit: int | None = None
    window_ms: int | None = None
    hold_ms: int | None = None
    org_limit: int | None = None
    org_window_ms: int | None = None
    weight: float = 1.0
    paused: bool = False
    version: int = 0


UNSET = Flags()


def enrolled(env_id: UUID, percent: int) -> bool:
    """Tell whether `percent` takes this environment in.

    Each environment has its own fixed place in 0..99, so a greater percentage only ever adds environments.
    """
    place = int.from_bytes(hashlib.blake2b(env_id.bytes, digest_size=8).digest(), "big") % 100
    return place < percent
