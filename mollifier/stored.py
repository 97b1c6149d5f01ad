"""What Redis holds of one entry, as a value: a header line with the snapshot, and the side hash where there is one."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from mollifier.decision import Mode, Reason, Scope
from mollifier.entry import Entry, State
from mollifier.errors import EntryUnreadable

MODES = {mode.value.encode(): mode for mode in Mode}
REASONS = {reason.value.encode(): reason for reason in Reason}
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def parse(id: UUID, state: State, text: bytes | None, side: Mapping[bytes, bytes] | None) -> Entry:  # noqa: A002
    """Make a value of what is stored: a header line and the snapshot, and the side hash where there is one.

    The header is `1 <binding>[/<group>] <bytes charged> <org>/<env> <seq> <mode> <reason>`.

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
    except (ValueError, TypeError, KeyError, OverflowError) as error:
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


@lru_cache(maxsize=8192)
def _scope(place: bytes) -> Scope:
    return Scope(*place.decode().split("/"))


def _at(microseconds: str | bytes) -> datetime:
    return EPOCH + int(microseconds) * MICROSECOND


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="replace")
