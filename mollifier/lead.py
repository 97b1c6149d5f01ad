"""The lead over a partition's drainers: who drains, who is nudged when work comes, and how one is asked for."""

import uuid
from dataclasses import dataclass

from redis.exceptions import RedisError

from mollifier import client, keys, lua
from mollifier.errors import BufferUnavailable

LEAD, LEAVE = lua.load("lead"), lua.load("leave")


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the lead is ours, how many entries wait for a drainer, and when the next is due or its lease ends.

    `mirrored_in_seconds` is when the next mirrored one may be compared. None: there is none.
    """

    leads: bool
    waiting: int
    next_in_seconds: float | None
    mirrored_in_seconds: float | None = None


class Lead:
    """One drainer's claim to the lead, under a token of its own."""

    def __init__(self, lease_ms: int) -> None:
        self.token = uuid.uuid4().hex
        self._lease_ms = lease_ms

    def take(self) -> Standing:
        """Take the lead if it is free, or renew it.

        Raises:
            BufferUnavailable: Redis can't be reached.
        """
        leads, waiting, *moments = client.call(LEAD.command(now=0, token=self.token, lead_ms=self._lease_ms))
        return Standing(leads == 1, int(waiting), *(None if each < 0 else each / 1_000_000 for each in moments))

    def wait_for_wake(self, seconds: float) -> bool:
        """Wait for a nudge; False when none came.

        Raises:
            BufferUnavailable: Redis can't be reached.
        """
        try:
            return client.patient().blpop([keys.key("wake")], timeout=max(seconds, 0.01)) is not None
        except (RedisError, OSError) as error:
            raise BufferUnavailable(f"{type(error).__name__}: {error}") from error

    def leave(self) -> int:
        """Give the lead up; return how many entries still wait for a drainer.

        Raises:
            BufferUnavailable: Redis can't be reached.
        """
        return int(client.call(LEAVE.command(token=self.token)))
