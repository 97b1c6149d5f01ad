"""The buffer: what is mollified, in one state each, until it is a row. Scripts in, values out.

Every function raises BufferUnavailable when Redis can't be reached; each may then be called again, a claim with the
same token.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec

from mollifier import client, conf, keys, lua, stored
from mollifier.decision import Scope
from mollifier.entry import (
    Claim,
    Entry,
    Fail,
    Report,
    Requeue,
    Settle,
    Settlement,
    Skipped,
    State,
    Unreadable,
)
from mollifier.errors import BufferUnavailable, EntryUnreadable

Row = tuple[UUID, State, bytes, dict[bytes, bytes]]
PACE, ALONE, CLAIM, PROMOTE = lua.load("pace"), lua.load("alone"), lua.load("claim"), lua.load("promote")
SETTLE, REQUEUE = lua.load("settle"), lua.load("requeue")
EXTEND, RECLAIM = lua.load("extend"), lua.load("reclaim")
READ = lua.load("read")
# What one script handles at most, so that none blocks Redis for long.
MOST_AT_ONCE = 1000
LOOKED_AT = 1000
# What one exchange, and one list, holds.
READ_BYTES, LISTED_BYTES = 2 * 1024 * 1024, 8 * 1024 * 1024
ERROR_CHARACTERS = 1000
SETTLEMENTS = {settlement.value.encode(): settlement for settlement in Settlement}


def claim(
    token: str,
    limit: int,
    lease_ms: int,
    *,
    only: str | None = None,
    without: Sequence[str] = (),
    now_ms: float = 0,
) -> Claim:
    """Take a fair batch under a lease, first putting back what is due; the same token again answers the same batch.

    Args:
        token: Made by the caller, new for each claim.
        limit: How many entries at most; the bytes are capped by CLAIM_BYTES.
        lease_ms: How long they are this token's alone.
        only: The one org to take from.
        without: Orgs to leave out.
        now_ms: The clock; 0 is the server's own.
    """
    now, limit, lease_for = _us(now_ms), min(limit, MOST_AT_ONCE), _us(lease_ms)
    settings = conf.current()
    rate, paced = settings.drain_rate, int(settings.drain_rate > 0)
    given: dict[str, Any] = {"now": now, "token": token, "lease_for": lease_for, "paced": paced}
    most, ordered = settings.env_in_flight, int(settings.ordered)
    commands = [
        PROMOTE.command(now=now, at_most=limit),
        *([] if only else [ALONE.command(**given)]),
        CLAIM.command(
            limit=limit, bytes=settings.claim_bytes, most=most, ordered=ordered, only=only or "", tail=without, **given
        ),
    ]
    if paced:
        commands.insert(0, PACE.command(now=now, rate=rate, burst=rate))
    replies = client.call_all(commands)
    names, paused, full = replies[-1]
    skipped, wait = Skipped(paused, full), int(replies[0]) if paced else 0
    if not names:
        return Claim(token, (), (), skipped, wait / 1_000_000)
    entries: list[Entry] = []
    unreadable: list[Unreadable] = []
    for id_, text, side in zip(_ids(names), *_texts_and_sides(names), strict=True):
        try:
            entries.append(stored.parse(id_, State.LEASED, text, side))
        except EntryUnreadable as error:
            unreadable.append(Unreadable(id_, str(error)))
    return Claim(token, tuple(entries), tuple(unreadable), skipped)


def _texts_and_sides(names: Sequence[bytes]) -> tuple[list[bytes | None], list[Any]]:
    """Read entries that nobody else can remove, outside of a script, and what stands beside some of them."""
    entry, side = keys.key("entry").encode(), keys.key("side").encode()
    texts, beside = client.call_all(
        [("MGET", *[entry + name for name in names]), ("EXISTS", *[side + name for name in names])]
    )
    return texts, client.call_all([("HGETALL", side + name) for name in names]) if beside else [None] * len(names)


def settle(token: str, reports: Sequence[Report], *, now_ms: float = 0) -> list[Settlement]:
    """Report what became of entries under a lease; the answers are in the order of the reports.

    Settlement.PATCHED leaves the entry leased: read it again, apply the patch to the row, settle again.
    """
    if not reports:
        return []
    now = _us(now_ms)
    written = [report for report in reports if isinstance(report, Settle)]
    others = [report for report in reports if not isinstance(report, Settle)]
    scripts: list[lua.Command] = []
    if written:
        tail: list[Any] = [0] * (2 * len(written))
        tail[::2], tail[1::2] = _names([report.id for report in written]), [each.patch_version for each in written]
        ttl_ms = conf.current().binding_ttl_seconds * 1000
        scripts.append(SETTLE.command(now=now, token=token, binding_ttl_ms=ttl_ms, tail=tail))
    if others:
        fives = [part for report in others for part in _five(report)]
        scripts.append(REQUEUE.command(now=now, token=token, tail=fives))
    *replies, _ = client.call_all([*scripts, promotion(now_ms=now_ms)])
    if not others:
        return [SETTLEMENTS[word] for word in replies[0]]
    words = [word for reply in replies for word in reply]
    answers = {report.id: SETTLEMENTS[word] for report, word in zip([*written, *others], words, strict=True)}
    return [answers[report.id] for report in reports]


def extend(token: str, lease_ms: int, *, now_ms: float = 0) -> bool:
    """Move the deadline of a lease; False when it is lost."""
    return bool(client.call(EXTEND.command(now=_us(now_ms), token=token, lease_for=_us(lease_ms))))


def give_up(token: str, *, now_ms: float = 0) -> int:
    """End a lease before its time: what is still under it comes back with a lapse; return how many entries."""
    now = _us(now_ms)
    _, taken, _ = client.call_all([EXTEND.command(now=now, token=token, lease_for=0), *_reclaim(now, MOST_AT_ONCE)])
    return int(taken)


def reclaim(limit: int = MOST_AT_ONCE, *, now_ms: float = 0) -> int:
    """Put the entries of expired leases back, at most `limit`; return how many."""
    taken, _ = client.call_all(_reclaim(_us(now_ms), min(limit, MOST_AT_ONCE)))
    return int(taken)


def _reclaim(now: int, limit: int) -> list[lua.Command]:
    return [RECLAIM.command(now=now, at_most=limit), PROMOTE.command(now=now, at_most=limit)]


def promotion(*, now_ms: float = 0) -> lua.Command:
    """Return the call that follows whatever made entries due, or orgs and environments ready."""
    return PROMOTE.command(now=_us(now_ms), at_most=MOST_AT_ONCE)


def read(scope: Scope, id: UUID) -> Entry | None:  # noqa: A002
    """Return the entry while it is buffered, in any state."""
    found = read_many(scope, [id])
    return found[0] if found else None


def read_many(scope: Scope, ids: Sequence[UUID]) -> list[Entry]:
    """Return those of the ids that are buffered in this place."""
    return [entry for entry in _read(ids) if entry.scope == scope]


def leased(ids: Sequence[UUID]) -> list[Entry]:
    """Return those of the ids that are leased, as they are now."""
    return [entry for entry in _read(ids) if entry.state is State.LEASED]


def look(scope: Scope, group: str, ids: Sequence[UUID] = ()) -> tuple[frozenset[UUID], int]:
    """Tell which ids are buffered, and how many entries of a group are in this place, in any state.

    It is one exchange that ends as soon as the gate's does, for whoever asks before a trigger is let in. Races: the
    count comes last, so what is settled meanwhile may be told as buffered, and is not counted.
    """
    partition = keys.partition_of(scope.org)
    sized = ("HGET", keys.key("env", partition) + keys.place(scope), f"g:{keys.named(group)}")
    known = [("EXISTS", f"{keys.key('entry', partition)}{id_}") for id_ in ids]
    *found, size = client.exchange([*known, sized], conf.current().admit_seconds)
    if errors := [reply for reply in (*found, size) if isinstance(reply, Exception)]:
        raise BufferUnavailable(f"it was refused: {errors[0]}") from errors[0]
    return frozenset(id_ for id_, there in zip(ids, found, strict=True) if there), int(size or 0)


def group_size(scope: Scope, group: str) -> int:
    """Return how many entries of a group are buffered in this place, in any state."""
    return look(scope, group)[1]


def rows(ids: Sequence[UUID]) -> list[Row]:
    """Return what is stored of those of the ids that are buffered: id, state, text, side."""
    return [row for part in _parts(ids) for row in part]


def _parts(ids: Sequence[UUID]) -> Iterator[list[Row]]:
    """Read rows in exchanges that each hold no more than READ_BYTES, or one row."""
    names = _names(ids)
    while names:
        looked_at, *parts = client.call(READ.command(bytes=READ_BYTES, tail=names))
        found = zip(_ids(parts[::4]), parts[1::4], parts[2::4], parts[3::4], strict=True)
        yield [(id_, State(state.decode()), text, dict(_pairs(side))) for id_, state, text, side in found]
        names = names[looked_at:]


def _read(ids: Sequence[UUID]) -> list[Entry]:
    return [stored.parse(*row) for row in rows(ids)]


def weigh(entries: Iterable[Entry]) -> int:
    """Return how many bytes entries hold."""
    return sum(len(entry.snapshot) + len(entry.patch) for entry in entries)


def _ids(names: Collection[bytes]) -> list[UUID]:
    """Read ids, many at once: one by one this is a good part of a claim."""
    return msgspec.convert([name.decode() for name in names], list[UUID])


def _names(ids: Sequence[UUID]) -> list[str]:
    names: list[str] = msgspec.to_builtins(ids)
    return names


def _five(report: Requeue | Fail) -> tuple[Any, ...]:
    match report:
        case Requeue():
            error = report.error[:ERROR_CHARACTERS]
            return ("requeue", str(report.id), _us(report.delay_ms), int(report.spend_attempt), error)
        case Fail():
            return ("fail", str(report.id), 0, 0, report.error[:ERROR_CHARACTERS])


def _us(milliseconds: float) -> int:
    return int(milliseconds * 1000)


def _pairs(flat: Any) -> Iterable[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2], strict=True)
