"""Mirrored entries: triggers that were started and kept too, to prove that buffering makes the same rows."""

import logging
from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from mollifier import client, lua, stored
from mollifier.entry import Comparison, Entry, State
from mollifier.errors import EntryUnreadable
from mollifier.materialiser import Materialiser

logger = logging.getLogger(__name__)
MIRRORS, COMPARED = lua.load("mirrors"), lua.load("compared")
AT_MOST = 500
# One that was given and never reported is given again after this long.
AGAIN_US = 60_000_000


def compare(materialiser: Materialiser, *, now_ms: float = 0) -> Mapping[Comparison, int]:
    """Compare a batch of those that are due with their rows, and drop them; return how many came to what.

    Any number may run at once: a batch that two of them take is counted once.

    Raises:
        BufferUnavailable: Redis can't be reached; nothing is lost.
        Exception: what the materialiser raises while its store is away; the batch is due again in a minute.
    """
    given = client.call(MIRRORS.command(now=int(now_ms * 1000), at_most=AT_MOST, again=AGAIN_US))
    found: dict[UUID, Comparison] = {}
    entries: list[Entry] = []
    for raw, text in zip(given[::2], given[1::2], strict=True):
        id_ = UUID(raw.decode())
        try:
            entries.append(stored.parse(id_, State.LEASED, text, None))
        except EntryUnreadable:
            found[id_] = Comparison.UNREADABLE
            logger.exception("mollifier.mirror_unreadable", extra={"instance_id": str(id_)})
    if entries:
        found |= materialiser.compare(entries)
    if found:
        client.call(COMPARED.command(tail=[part for id_, word in found.items() for part in (str(id_), word.value)]))
    return Counter(found.values())
