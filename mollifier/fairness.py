"""An org's share of the drainer, kept in Redis where claims read it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mollifier import buffer, client, keys, lua
from mollifier.decision import Scope

SHARE = lua.load("share")


@dataclass(frozen=True, slots=True)
class Share:
    """How an org is served: by its weight against the others, or not at all while it is paused.

    Raises:
        ValueError: the weight is not a positive number.
    """

    weight: float = 1.0
    paused: bool = False

    def __post_init__(self) -> None:
        if not (self.weight > 0 and math.isfinite(self.weight)):
            raise ValueError(f"a weight is a positive number, not {self.weight}")


EVERYONES = Share()


def set_share(org: str, share: Share, *, now_ms: float = 0) -> None:
    """Serve the org like this from its next visit on; what is due by then is put back too.

    Raises:
        BufferUnavailable: Redis can't be reached.
    """
    client.call(command(org, share), buffer.promotion(now_ms=now_ms))


def pause_env(scope: Scope, *, paused: bool, now_ms: float = 0) -> None:
    """Claim nothing of one environment, or go on with it.

    Raises:
        BufferUnavailable: Redis can't be reached.
    """
    client.call(command(keys.place(scope), Share(paused=paused)), buffer.promotion(now_ms=now_ms))


def reconcile(shares: Mapping[str, Share]) -> int:
    """Make the orgs' shares these, and everyone's for all others; return how many were not so.

    Raises:
        BufferUnavailable: Redis can't be reached.
    """
    weights, paused = client.call_all([("HGETALL", keys.key("weights")), ("SMEMBERS", keys.key("paused"))])
    fields = weights if isinstance(weights, dict) else dict(zip(weights[::2], weights[1::2], strict=True))
    stopped = {member.decode() for member in paused if b"/" not in member}
    known = {
        org: Share(float(fields.get(org.encode(), 1)), org in stopped)
        for org in {name.decode() for name in fields} | stopped
    }
    wrong = [org for org in known.keys() | shares.keys() if known.get(org, EVERYONES) != shares.get(org, EVERYONES)]
    if wrong:
        client.call_all([*[command(org, shares.get(org, EVERYONES)) for org in wrong], buffer.promotion()])
    return len(wrong)


def command(member: str, share: Share, partition: int | str = 0) -> lua.Command:
    """Return the call that sets the share of an org, or of a place."""
    weight = "" if share.weight == 1 else repr(float(share.weight))
    return SHARE.command(partition, member=member, weight=weight, stop=int(share.paused))
