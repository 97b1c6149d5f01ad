"""Patches: what may change of an entry while it is buffered, in every state until it is gone.

All that was changed stands beside the entry as one opaque text that its host merges and reads; Redis only compares
versions. Every function raises BufferUnavailable when Redis can't be reached.
"""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from mollifier import buffer, client, conf, keys, lua
from mollifier.decision import Scope
from mollifier.entry import Applied, Cancellation, Cancelled, CapReached, Entry, NotFound, Patched
from mollifier.errors import BufferUnavailable

PATCH = lua.load("patch")
REASON_CHARACTERS = 500
# Of several who change one entry at once, one succeeds in each round.
ROUNDS = 100

Refusal = TypeVar("Refusal")


def cancel(scope: Scope, id: UUID, reason: str, *, now_ms: float = 0) -> Cancellation:  # noqa: A002
    """Mark an entry as cancelled; the drainer makes it a cancelled instance. Cancelled: it was before."""
    match _call(scope, id, "cancel", reason[:REASON_CHARACTERS], 0, now_ms):
        case Applied() | Cancelled() as outcome:
            return outcome
        case _:
            return NotFound()


def apply(
    scope: Scope,
    id: UUID,  # noqa: A002
    change: Callable[[Entry], bytes | Refusal],
    *,
    now_ms: float = 0,
) -> Patched | Refusal:
    """Put what `change` makes of the entry in the place of its patch; what else it returns is a refusal.

    `change` is called again when somebody else's change came first, so it must be pure.

    Raises:
        EntryUnreadable: the entry is in a form that this version does not know.
    """
    for _ in range(ROUNDS):
        entry = buffer.read(scope, id)
        if entry is None:
            return NotFound()
        if entry.cancel_reason is not None:
            return Cancelled()
        changed = change(entry)
        if not isinstance(changed, bytes):
            return changed
        if changed == entry.patch:
            return Applied(entry.patch_version)
        outcome = _call(scope, id, "set", changed, entry.patch_version, now_ms)
        if outcome is not None:
            return outcome
    raise BufferUnavailable("too many change this entry at once")


def _call(scope: Scope, id: UUID, kind: str, text: str | bytes, seen: int, now_ms: float) -> Patched | None:  # noqa: A002
    """Run the script; None when the entry was changed since `seen`."""
    caps = conf.current()
    command = PATCH.command(
        keys.partition_of(scope.org),
        now=int(now_ms * 1000),
        id=str(id),
        place=keys.place(scope),
        kind=kind,
        text=text,
        seen=seen,
        cap_env_bytes=caps.cap_env_bytes,
        cap_org_bytes=caps.cap_org_bytes,
        cap_total_bytes=caps.cap_total_bytes,
    )
    match client.call(command):
        case [b"applied", version]:
            return Applied(version)
        case [b"cancelled"]:
            return Cancelled()
        case [b"full", level]:
            return CapReached(level.decode())
        case [b"stale"]:
            return None
        case _:
            return NotFound()
