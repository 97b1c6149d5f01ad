"""Keys beside the real ones, on which the real scripts run by a clock of their own; one user at a time.

All of it stands under the hash tag of a partition that no org is in, is charged to no cap of the real one, and is
deleted afterwards; what a killed process left is deleted by whoever comes next.
"""

import logging
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Self

from redis.exceptions import RedisError

from mollifier import client, keys, lua
from mollifier.errors import BufferUnavailable, SandboxBusy

logger = logging.getLogger(__name__)
PARTITION = "simulation"
LEAVE = lua.load("leave")
# More than any single exchange takes; each one renews it.
LEASE_MS = 15_000
DELETED_AT_ONCE, SCANNED_AT_ONCE = 500, 1_000


class Sandbox:
    """Use as a context manager; inside, `call` runs commands on the keys of PARTITION."""

    def __init__(self) -> None:
        self._token = uuid.uuid4().hex
        self._lead = keys.key("drainer", PARTITION)

    def __enter__(self) -> Self:
        """Take it, empty.

        Raises:
            SandboxBusy: somebody else has it.
            BufferUnavailable: Redis can't be reached.
        """
        if client.call(("SET", self._lead, self._token, "NX", "PX", LEASE_MS)) is None:
            raise SandboxBusy("another simulation is under way; try again when it is done")
        try:
            if client.call(("EXISTS", keys.key("totals", PARTITION), keys.key("counters", PARTITION))):
                self._delete_remains()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def call(self, commands: Sequence[lua.Command]) -> list[Any]:
        """Run the commands and return their replies.

        Raises:
            SandboxBusy: it was held too long between two calls, and may be another's by now.
            BufferUnavailable: Redis can't be reached, or refused a command: it is full.
        """
        renewed, holder, *replies = client.call_all([("PEXPIRE", self._lead, LEASE_MS), ("GET", self._lead), *commands])
        if not renewed or _text(holder) != self._token:
            raise SandboxBusy("the simulation was interrupted for too long, and another one may have begun")
        return replies

    def delete(self, names: Iterable[str]) -> None:
        """Delete keys by name; those that are not there cost nothing.

        Raises:
            SandboxBusy: see `call`.
            BufferUnavailable: Redis can't be reached.
        """
        found = [name for name in names if name != self._lead]
        for at in range(0, len(found), DELETED_AT_ONCE):
            self.call([("UNLINK", *found[at : at + DELETED_AT_ONCE])])

    def _delete_remains(self) -> None:
        """Look through the whole keyspace, which only a killed process makes necessary."""
        pattern = keys.key("totals", PARTITION).removesuffix("totals") + "*"
        try:
            found = [_text(each) for each in client.patient().scan_iter(match=pattern, count=SCANNED_AT_ONCE)]
        except (RedisError, OSError) as error:
            raise BufferUnavailable(f"{type(error).__name__}: {error}") from error
        self.delete(found)
        logger.info("mollifier.simulation_remains_deleted", extra={"count": len(found)})

    def _leave(self) -> None:
        try:
            client.call(LEAVE.command(PARTITION, token=self._token))
        except BufferUnavailable as error:
            logger.warning("mollifier.simulation_not_left", extra={"error": str(error)})


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
