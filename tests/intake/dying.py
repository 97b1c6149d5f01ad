"""Materialisers for a drainer's process that kills itself, as kill -9 does, at one point of its third batch."""

import os
import signal
from collections.abc import Sequence
from itertools import count

from django.db import transaction

from mollifier import buffer, client
from mollifier.entry import Entry, Outcome
from workflows.intake.materialiser import InstanceMaterialiser

BATCH = 3


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Dying(InstanceMaterialiser):
    """Counts batches; `dies` says whether this is the last one."""

    def __init__(self) -> None:
        self._batches = count(1)

    def dies(self) -> bool:
        return next(self._batches) == BATCH


class AfterClaim(Dying):
    """Dies before anything is written."""

    def materialise(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        if self.dies():
            die()
        return super().materialise(entries)


class WhileWriting(Dying):
    """Dies when the rows are written and not committed."""

    def materialise(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        with transaction.atomic():
            outcomes = super().materialise(entries)
            if self.dies():
                die()
        return outcomes


class BeforeSettle(Dying):
    """Dies when the rows are committed."""

    def materialise(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        outcomes = super().materialise(entries)
        if self.dies():
            die()
        return outcomes


class InSettle(Dying):
    """Dies when the settling is sent and not answered yet."""

    def __init__(self) -> None:
        super().__init__()
        pool = client.patient().connection_pool
        pool.connection_class = type("SettlingConnection", (Settling, pool.connection_class), {"dies": self.dies})


class Settling:
    """Mixed into a connection: kills its process after it has sent the settling of a batch."""

    def send_packed_command(self, command, *args, **kwargs):
        super().send_packed_command(command, *args, **kwargs)
        parts = [command] if isinstance(command, bytes) else list(command)
        if any(buffer.SETTLE.sha.encode() in part for part in parts) and type(self).dies():
            die()
