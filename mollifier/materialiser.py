"""The port: how the drainer hands entries to whatever runs them."""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from mollifier.entry import Comparison, Entry, Outcome


class Materialiser(Protocol):
    """Make entries real, exactly once per id.

    The first two methods answer one outcome for each entry, in any order, and never raise for what one entry or
    an unreachable store does. Called from several threads at once.
    """

    def materialise(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """Write the entries; a cancelled one becomes a cancelled instance, an id already there counts as written."""
        ...

    def bury(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """Write each entry as a failure that keeps all it carried; `entry.error` says why."""
        ...

    def compare(self, entries: Sequence[Entry]) -> Mapping[UUID, Comparison]:
        """Tell for each entry whether the row that was started directly is the one it would have become.

        Reads only; may raise while the store can't be reached.
        """
        ...
