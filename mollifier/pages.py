"""Entries for people: the oldest of an org or of all, and those of one environment page by page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from mollifier import buffer, client, keys, stored
from mollifier.decision import Scope
from mollifier.entry import Entry, State
from mollifier.errors import EntryUnreadable

# Entries of one exchange for a list; a list ends when they hold LISTED_BYTES.
AT_ONCE = 16
# Entries looked at for one page; with a state that few are in, a page may be short and others follow.
LOOKED_AT = 200
ENVS_LOOKED_AT, LEASES_LOOKED_AT = 100, 16
# So many times what is asked for is looked at, since some may be unreadable.
SPARE = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a page, after `version` changes; without `entry` it is of a form that this version does not know."""

    id: UUID
    seq: int
    state: State
    entry: Entry | None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Lines, and the sequence below which the next page begins; None: there is none."""

    lines: tuple[Line, ...]
    before: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """Entries, and the sequence below which more may be; None: there are none."""

    entries: tuple[Entry, ...]
    before: int | None


def read(scope: Scope, state: State | None = None, before: int | None = None, limit: int = 50) -> Page:
    """Return the entries accepted before the sequence, of one state or of all.

    Raises:
        BufferUnavailable: Redis can't be reached.
    """
    # Only queued ones stand in the queue; those that are to be claimed alone stand beside it.
    families = ("queue", "held") if state in (None, State.QUEUED) else ("held",)
    seqs = _sequences(scope, families, before, LOOKED_AT)
    complete = len(seqs) < LOOKED_AT
    looked_at = list(seqs)[:LOOKED_AT]
    lines = [_line(*row, seq=seqs[row[0]]) for row in buffer.rows(looked_at)]
    wanted = [line for line in lines if state in (None, line.state)]
    if len(wanted) > limit:
        return Page(tuple(wanted[:limit]), wanted[limit - 1].seq)
    return Page(tuple(wanted), None if complete else seqs[looked_at[-1]])


def newest(scope: Scope, before: int | None, limit: int) -> Part:
    """Return entries of every state below the sequence, accepted last first; fewer where these hold LISTED_BYTES.

    Raises:
        BufferUnavailable: Redis can't be reached.
        EntryUnreadable: one is of a form that this version does not know.
    """
    limit = min(limit, LOOKED_AT)
    seqs = _sequences(scope, ("queue", "held"), before, limit)
    ids, found = list(seqs)[:limit], list[Entry]()
    for at in range(0, len(ids), AT_ONCE):
        some = ids[at : at + AT_ONCE]
        entries = [stored.parse(*row) for row in buffer.rows(some)]
        found += sorted(entries, key=lambda entry: -entry.seq)
        if buffer.weigh(found) >= buffer.LISTED_BYTES:
            return Part(tuple(found), seqs[some[-1]])
    return Part(tuple(found), seqs[ids[-1]] if len(ids) == limit else None)


def _sequences(scope: Scope, families: Sequence[str], before: int | None, limit: int) -> dict[UUID, int]:
    """Return ids and their sequences below one, the last first; from each family at most `limit`."""
    first = "+inf" if before is None else f"({before}"
    place, tail = keys.place(scope), (first, "-inf", "BYSCORE", "REV", "LIMIT", 0, limit, "WITHSCORES")
    found = client.call_all([("ZRANGE", keys.key(name) + place, *tail) for name in families])
    pairs = [(UUID(raw.decode()), int(seq)) for part in found for raw, seq in part]
    return dict(sorted(pairs, key=lambda pair: -pair[1]))


def _line(id_: UUID, state: State, text: bytes, side: dict[bytes, bytes], *, seq: int) -> Line:
    try:
        entry = stored.parse(id_, state, text, side)
    except EntryUnreadable:
        return Line(id_, seq, state, None, int(side.get(b"v", 0)))
    return Line(id_, seq, state, entry, entry.patch_version)


def oldest(limit: int, org: str | None = None) -> list[Entry]:
    """Return entries of every state that can be read, oldest first: of one org, or of those that wait longest.

    Raises:
        BufferUnavailable: Redis can't be reached.
    """
    limit = min(limit, buffer.LOOKED_AT)
    queued = _queued(_places(org), SPARE * limit)
    found: list[Entry] = []
    # Unreadable ones are passed over, as far as there are some to spare.
    for at in range(0, len(queued), limit):
        found += _readable(queued[at : at + limit])
        if len(found) >= limit:
            break
    found += _readable(_not_queued(limit))
    # One that was settled meanwhile may stand in both.
    listed = {entry.id: entry for entry in found if org is None or entry.scope.org == org}
    return sorted(listed.values(), key=lambda entry: entry.seq)[:limit]


def _queued(places: Sequence[bytes], most: int) -> list[UUID]:
    """Return the ids of these places' queues that were accepted first, of all together, oldest first.

    Of each queue a few are read; only those that may have more among the first are read on.
    """
    few = max(2, 2 * most // max(1, len(places)))
    heads = _ranges(places, few)
    seqs = sorted(seq for pairs in heads for _, seq in pairs)
    last = seqs[most - 1] if len(seqs) >= most else math.inf
    on = [place for place, pairs in zip(places, heads, strict=True) if len(pairs) == few and pairs[-1][1] < last]
    found = {raw: seq for pairs in (*heads, *_ranges(on, most)) for raw, seq in pairs}
    return [UUID(raw.decode()) for raw in sorted(found, key=lambda raw: found[raw])[:most]]


def _ranges(places: Sequence[bytes], count: int) -> list[list[tuple[bytes, float]]]:
    queues = [keys.key("queue") + place.decode() for place in places]
    return client.call_all([("ZRANGE", queue, 0, count - 1, "WITHSCORES") for queue in queues]) if queues else []


def _not_queued(limit: int) -> list[UUID]:
    """Return ids that stand in no queue: delayed, failed, to be claimed alone, leased; some of each."""
    tokens = client.call(("ZRANGE", keys.key("leases"), 0, LEASES_LOOKED_AT - 1))
    others = [("ZRANGE", keys.key(name), 0, limit - 1) for name in ("delayed", "failed", "alone")]
    leases = [("HKEYS", keys.key("lease") + token.decode()) for token in tokens]
    ids = sorted({UUID(raw.decode()) for raws in client.call_all([*others, *leases]) for raw in raws})
    return ids[: SPARE * buffer.LOOKED_AT]


def _readable(ids: Sequence[UUID]) -> list[Entry]:
    at_once = buffer.LOOKED_AT
    read_back = (buffer.rows(ids[at : at + at_once]) for at in range(0, len(ids), at_once))
    return [line.entry for rows in read_back for row in rows if (line := _line(*row, seq=0)).entry]


def _places(org: str | None) -> list[bytes]:
    """Return the environments with queued work: of the org, those that stand aside too; or the longest waiting."""
    if org is None:
        waiting: list[bytes] = client.call(("ZRANGE", keys.key("heads"), 0, ENVS_LOOKED_AT - 1))
        return waiting
    ready, parked, prefix = keys.key("ready_envs") + org, keys.key("parked"), f"{org}/".encode()
    envs, aside = client.call_all([("ZRANGE", ready, 0, ENVS_LOOKED_AT - 1), ("ZRANGE", parked, 0, 999)])
    return [*(prefix + env for env in envs), *(member for member in aside if member.startswith(prefix))]
