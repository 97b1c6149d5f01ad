"""The buffer: what is mollified, in one state each, until it is a row. Scripts in, values out.

Every function raises BufferUnavailable when Redis can't be reached; each may then be called again, a claim with the
same token.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from mollifier import client, conf, keys, lua
from mollifier.decision import Mode, Reason, Scope
from mollifier.entry import (
    Claim,
    Entry,
    Fail,
    Report,
    Requeue,
    Settle,
    Settlement,
    State,
    Unreadable,
)
from mollifier.errors import EntryUnreadable

CLAIM, PROMOTE, SETTLE = lua.load("claim"), lua.load("promote"), lua.load("settle")
EXTEND, RECLAIM = lua.load("extend"), lua.load("reclaim")
READ, NEWEST = lua.load("read"), lua.load("newest")
# What one script handles at most, so that none blocks Redis for long.
MOST_AT_ONCE = 1000
LOOKED_AT = 1000
# What one exchange, and one list, holds.
READ_BYTES, LISTED_BYTES = 2 * 1024 * 1024, 8 * 1024 * 1024
ENVS_LOOKED_AT = 100
ERROR_CHARACTERS = 1000
MODES = {mode.value.encode(): mode for mode in Mode}
REASONS = {reason.value.encode(): reason for reason in Reason}
SETTLEMENTS = {settlement.value.encode(): settlement for settlement in Settlement}
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def claim(token: str, limit: int, lease_ms: int, *, now_ms: float = 0) -> Claim:
    """Take a fair batch under a lease, first putting back what is due; the same token again answers the same batch.

    Args:
        token: Made by the caller, new for each claim.
        limit: How many entries at most; the bytes are capped by CLAIM_BYTES.
        lease_ms: How long they are this token's alone.
        now_ms: The clock; 0 is the server's own.
    """
    now, limit = _us(now_ms), min(limit, MOST_AT_ONCE)
    settings = conf.current()
    names = client.call(
        PROMOTE.command(now=now, at_most=limit),
        CLAIM.command(now=now, token=token, limit=limit, bytes=settings.claim_bytes, lease_for=_us(lease_ms)),
    )
    if not names:
        return Claim(token, ())
    entries: list[Entry] = []
    unreadable: list[Unreadable] = []
    for id_, text, side in zip(_ids(names), *_texts_and_sides(names), strict=True):
        try:
            entries.append(parse(id_, State.LEASED, text, side))
        except EntryUnreadable as error:
            unreadable.append(Unreadable(id_, str(error)))
    return Claim(token, tuple(entries), tuple(unreadable))


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
    plain = [report for report in reports if type(report) is Settle and not report.patch_version]
    others = [report for report in reports if type(report) is not Settle or report.patch_version]
    script = SETTLE.command(
        now=now,
        token=token,
        binding_ttl_ms=conf.current().binding_ttl_seconds * 1000,
        plain=len(plain),
        tail=[*_names([report.id for report in plain]), *[part for report in others for part in _five(report)]],
    )
    words, _ = client.call_all([script, PROMOTE.command(now=now, at_most=MOST_AT_ONCE)])
    if not others:
        return [SETTLEMENTS[word] for word in words]
    answers = {report.id: SETTLEMENTS[word] for report, word in zip([*plain, *others], words, strict=True)}
    return [answers[report.id] for report in reports]


def extend(token: str, lease_ms: int, *, now_ms: float = 0) -> bool:
    """Move the deadline of a lease; False when it is lost."""
    return bool(client.call(EXTEND.command(now=_us(now_ms), token=token, lease_for=_us(lease_ms))))


def reclaim(limit: int = MOST_AT_ONCE, *, now_ms: float = 0) -> int:
    """Put the entries of expired leases back, at most `limit`; return how many."""
    now, limit = _us(now_ms), min(limit, MOST_AT_ONCE)
    taken, _ = client.call_all([RECLAIM.command(now=now, at_most=limit), PROMOTE.command(now=now, at_most=limit)])
    return int(taken)


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


def newest(scope: Scope, before: UUID | None, limit: int) -> list[Entry]:
    """Return the newest entries of one environment, those with a lower id than `before`, newest id first.

    They are fewer than `limit` where there are no more, or where these hold LISTED_BYTES already.
    """
    found: list[Entry] = []
    left = limit = min(limit, LOOKED_AT)
    # Of those that are named some may be settled before they are read; then the next ones take their place.
    while left > 0 and (room := LISTED_BYTES - weigh(found)) > 0:
        ids = _newest_ids(scope, before)[:left]
        found += _read(ids, room)
        if len(ids) < left:
            break
        left, before = limit - len(found), ids[-1]
    return found


def _newest_ids(scope: Scope, before: UUID | None) -> list[UUID]:
    script = NEWEST.command(
        keys.partition_of(scope.org), place=keys.place(scope), before=str(before or ""), looked_at=LOOKED_AT
    )
    return sorted(_ids(client.call(script)), reverse=True)


def entries(limit: int, org: str | None = None) -> list[Entry]:
    """Return entries of every state, oldest first: of one org, or of those that wait longest. For people."""
    limit = min(limit, LOOKED_AT)
    last = limit - 1
    if org is None:
        places = client.call(("ZRANGE", keys.key("heads"), 0, ENVS_LOOKED_AT - 1))
    else:
        envs = client.call(("ZRANGE", keys.key("ready_envs") + org, 0, ENVS_LOOKED_AT - 1))
        places = [org.encode() + b"/" + env for env in envs]
    aside = [("ZRANGE", keys.key(name), 0, last) for name in ("delayed", "failed", "alone")]
    queues = [("ZRANGE", keys.key("queue") + place.decode(), 0, last) for place in places]
    leases = [("HKEYS", keys.key("lease") + token.decode()) for token in _tokens()]
    found = {raw for raws in client.call_all([*aside, *queues, *leases]) for raw in raws}
    ids = sorted(_ids(found))
    read_back = (_read(ids[at : at + LOOKED_AT]) for at in range(0, min(len(ids), 4 * LOOKED_AT), LOOKED_AT))
    listed = [entry for batch in read_back for entry in batch if org is None or entry.scope.org == org]
    return sorted(listed, key=lambda entry: entry.seq)[:limit]


def _tokens() -> list[bytes]:
    tokens: list[bytes] = client.call(("ZRANGE", keys.key("leases"), 0, 15))
    return tokens


def _read(ids: Sequence[UUID], most: int | None = None) -> list[Entry]:
    found: list[Entry] = []
    names = _names(ids)
    while names and (most is None or weigh(found) < most):
        looked_at, *parts = client.call(READ.command(bytes=READ_BYTES, tail=names))
        rows = zip(_ids(parts[::4]), parts[1::4], parts[2::4], parts[3::4], strict=True)
        found += [parse(id_, State(state.decode()), text, dict(_pairs(side))) for id_, state, text, side in rows]
        names = names[looked_at:]
    return found


def weigh(entries: Iterable[Entry]) -> int:
    """Return how many bytes entries hold."""
    return sum(len(entry.snapshot) + len(entry.patch) for entry in entries)


def parse(id: UUID, state: State, text: bytes | None, side: Mapping[bytes, bytes] | None) -> Entry:  # noqa: A002
    """Make a value of what is stored: a header line and the snapshot, and the side hash where there is one.

    The header is `1 <binding> <bytes charged> <org>/<env> <seq> <mode> <reason>`.

    Raises:
        EntryUnreadable: there is no text, or it is in a form that this version does not know.
    """
    try:
        head, snapshot = (text or b"").split(b"\n", 1)
        version, _, _, place, seq, mode, reason = head.split(b" ")
        if version != b"1":
            raise EntryUnreadable(f"the entry is of version {version!r}")
        entry = Entry(id, _scope(place), int(seq), _at(seq), MODES[mode], REASONS[reason], snapshot, state)
        return replace(entry, **_changes(side)) if side else entry
    except (ValueError, TypeError, KeyError) as error:
        raise EntryUnreadable(f"the entry's header can't be read: {error}") from error


def _changes(side: Mapping[bytes, bytes]) -> dict[str, Any]:
    return {
        "attempts": int(side.get(b"a", 0)),
        "lapses": int(side.get(b"k", 0)),
        "patch_version": int(side.get(b"v", 0)),
        "cancel_reason": _text(side.get(b"c")),
        "patch": side.get(b"d", b""),
        "error": _text(side.get(b"e")),
        "first_failed_at": _at(side[b"f"]) if b"f" in side else None,
    }


def _ids(names: Collection[bytes]) -> list[UUID]:
    """Read ids, many at once: one by one this is a good part of a claim."""
    return msgspec.convert([name.decode() for name in names], list[UUID])


def _names(ids: Sequence[UUID]) -> list[str]:
    names: list[str] = msgspec.to_builtins(ids)
    return names


@lru_cache(maxsize=8192)
def _scope(place: bytes) -> Scope:
    return Scope(*place.decode().split("/"))


def _five(report: Report) -> tuple[Any, ...]:
    match report:
        case Settle():
            return ("settle", str(report.id), report.patch_version, "", "")
        case Requeue():
            error = report.error[:ERROR_CHARACTERS]
            return ("requeue", str(report.id), _us(report.delay_ms), int(report.spend_attempt), error)
        case Fail():
            return ("fail", str(report.id), report.error[:ERROR_CHARACTERS], "", "")


def _us(milliseconds: float) -> int:
    return int(milliseconds * 1000)


def _at(microseconds: str | bytes) -> datetime:
    return EPOCH + int(microseconds) * MICROSECOND


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="replace")


def _pairs(flat: Any) -> Iterable[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2], strict=True)
