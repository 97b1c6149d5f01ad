"""The whole cascade as a table: every combination of what a trigger brings and what it finds."""

from itertools import product
from typing import NamedTuple

import pytest
from django.test import override_settings
from django_redis import get_redis_connection

from mollifier import gate, stats
from mollifier.decision import (
    DuplicateSend,
    Existing,
    Full,
    Mismatch,
    Mode,
    Mollify,
    NoRoom,
    Passed,
    PassThrough,
    Reason,
    Room,
    Scope,
    ShadowLog,
)
from tests.mollifier.makers import ACME, NOW_MS, accept, arrival

ELSEWHERE = Scope("other", "production")
FORCE = Reason.DATABASE_UNAVAILABLE


class Row(NamedTuple):
    """What a trigger brings and what it finds."""

    divert: bool
    bufferable: bool
    mode: Mode
    force: Reason | None
    # The same request was sent before; the idempotency key is bound, by the same body or another.
    sent: bool
    bound: str | None
    # Its group has no room, the environment is full, it has a backlog, a cap is reached.
    crowded: bool
    full: bool
    backlog: bool
    capped: bool


NO_YES = (False, True)
MODES, FORCES = (Mode.OFF, Mode.SHADOW, Mode.ON), (None, FORCE)
TABLE = [Row(*each) for each in product(NO_YES, NO_YES, MODES, FORCES, NO_YES, (None, "same", "other"), *[NO_YES] * 4)]


def unasked(row: Row) -> Passed | None:
    """Say why a trigger starts without a question to Redis."""
    if not row.divert:
        return Passed.DIVERT_OFF
    if not row.bufferable:
        return Passed.NOT_BUFFERABLE
    return Passed.ROLLOUT_OFF if row.mode is Mode.OFF or (row.force and row.mode is not Mode.ON) else None


def expected(row: Row) -> tuple[type, object]:  # noqa: PLR0911
    """Decide as a person would who reads the design's rules in their order."""
    if why := unasked(row):
        return PassThrough, why
    if row.mode is Mode.ON and row.sent and not row.force:
        return DuplicateSend, None
    if row.mode is Mode.ON and row.bound:
        return (Existing if row.bound == "same" else Mismatch), None
    if row.mode is Mode.ON and row.crowded:
        return NoRoom, None
    reason = row.force or (Reason.ENV_RATE if row.full else Reason.BACKLOG if row.backlog else None)
    if reason is None:
        return PassThrough, Passed.ROOM
    if row.mode is Mode.SHADOW:
        return ShadowLog, reason
    return (Full, None) if row.capped else (Mollify, reason)


def find(row: Row) -> None:
    """Bring about what the trigger finds."""
    get_redis_connection("buffer").flushdb()
    if row.sent:
        gate.admit(arrival(sent_as="r-1", limit=0), now_ms=NOW_MS)
    if row.bound:
        gate.admit(arrival(key="k", fingerprint="f1" if row.bound == "same" else "f0", limit=0), now_ms=NOW_MS)
    if row.full:
        gate.admit(arrival(limit=1), now_ms=NOW_MS)
    if row.backlog or row.capped:
        accept(1, ACME if row.backlog else ELSEWHERE, now_ms=NOW_MS)


@pytest.mark.parametrize(("mode", "force"), list(product(MODES, FORCES)))
def test_every_combination_is_decided_as_designed_and_counted_once(settings, mode, force):
    for row in (row for row in TABLE if (row.mode, row.force) == (mode, force)):
        find(row)
        before = sum(stats.decisions().values())

        room = Room("g", 0 if row.crowded else 1)
        one = arrival(mode=mode, bufferable=row.bufferable, key="k", sent_as="r-1", limit=1, room=room)
        found = {**settings.MOLLIFIER, "DIVERT": row.divert, "CAP_TOTAL_ENTRIES": int(row.capped)}
        with override_settings(MOLLIFIER=found):
            decision = gate.admit(one, now_ms=NOW_MS, force=force)

        kind, detail = expected(row)
        assert type(decision) is kind, (row, decision)
        told = (getattr(decision, "why", None), getattr(decision, "reason", None))
        assert detail is None or detail in told, (row, decision)
        asked = not isinstance(decision, PassThrough) or decision.why is Passed.ROOM
        assert sum(stats.decisions().values()) - before == int(asked), row
