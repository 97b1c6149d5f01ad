"""Triggers at the gate, and entries in the buffer, for tests."""

import uuid
from collections.abc import Sequence
from uuid import UUID

from mollifier import gate
from mollifier.decision import Arrival, Binding, Limit, Limits, Mode, Mollify, Reason, Rollout, Scope

ACME = Scope("acme", "production")
NOW_MS = 1_700_000_000_000.0


def ordered_id(number: int) -> UUID:
    """Make an id that sorts by its number, as ids made one after another do."""
    return UUID(f"01900000-0000-7000-8000-{number:012x}")


def arrival(
    scope: Scope = ACME,
    *,
    named: UUID | None = None,
    mode: Mode = Mode.ON,
    snapshot: bytes = b"{}",
    key: str | None = None,
    fingerprint: str = "f1",
    limit: int = 2,
    **rest,
) -> Arrival:
    """Make a trigger of an enrolled, bufferable kind; `rest` says otherwise, or sets more fields of it."""
    binding = None if key is None else Binding("checkout", key, fingerprint)
    passes = Limit(limit, rest.get("window_ms", 200), rest.get("hold_ms", 500))
    rollout = Rollout(mode, rest.get("enrolled", True), Limits(passes, **rest.get("levels", {})))
    return Arrival(
        named or uuid.uuid4(),
        scope,
        rollout,
        snapshot,
        rest.get("definition", "checkout"),
        binding,
        rest.get("sent_as"),
        rest.get("bufferable", True),
        rest.get("tell_left", False),
        rest.get("room"),
    )


def accept(count: int = 1, scope: Scope = ACME, *, now_ms: float = 0, ids: Sequence[UUID] = (), **fields) -> list[UUID]:
    """Put entries into the buffer, whatever the limits say; return their ids in accept order."""
    arrivals = [arrival(scope, named=ids[at] if ids else None, **fields) for at in range(count)]
    decisions = gate.admit_many(arrivals, now_ms=now_ms, force=Reason.DATABASE_UNAVAILABLE)
    assert all(isinstance(decision, Mollify) for decision in decisions), decisions
    return [each.id for each in arrivals]
