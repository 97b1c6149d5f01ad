"""Limits of everybody, an org, an environment and a definition: all must have room, then all are counted."""

from itertools import product

import pytest

from mollifier import gate
from mollifier.decision import Left, Limit, Mode, Mollify, Passed, PassThrough, Reason, Scope, ShadowLog
from tests.mollifier.makers import ACME, NOW_MS, arrival

STAGING, OTHER = Scope("acme", "staging"), Scope("other", "production")
ROOM = PassThrough(Passed.ROOM)
LEVELS = {
    "everybody": Reason.GLOBAL_RATE,
    "org": Reason.ORG_RATE,
    "env": Reason.ENV_RATE,
    "definition": Reason.DEFINITION_RATE,
}


def ask(counts, scope=ACME, *, at=0.0, definition="checkout", hold_ms=0):
    """Ask the gate with these limits of 200 ms; a level that is not named has none."""
    levels = {name: Limit(count, 200, hold_ms) for name, count in counts.items()}
    limit = levels.pop("env", Limit(0, 200, hold_ms)).count
    one = arrival(scope, mode=Mode.SHADOW, limit=limit, hold_ms=hold_ms, definition=definition, levels=levels)
    return gate.admit(one, now_ms=NOW_MS + at)


@pytest.mark.parametrize(
    ("level", "shared", "apart"),
    [
        ("everybody", [(ACME, "a"), (STAGING, "a"), (OTHER, "b")], []),
        ("org", [(ACME, "a"), (STAGING, "b")], [(OTHER, "a")]),
        ("env", [(ACME, "a"), (ACME, "b")], [(STAGING, "a"), (OTHER, "a")]),
        ("definition", [(ACME, "a")], [(ACME, "b"), (STAGING, "a"), (OTHER, "a")]),
    ],
)
def test_a_level_counts_what_it_covers_and_nothing_else(level, shared, apart):
    limit = {level: len(shared)}
    for scope, definition in shared:
        assert ask(limit, scope, definition=definition) == ROOM
    for scope, definition in shared:
        assert ask(limit, scope, definition=definition) == ShadowLog(LEVELS[level], len(shared), len(shared))
    for scope, definition in apart:
        assert ask(limit, scope, definition=definition) == ROOM


FULL = list(product([False, True], repeat=len(LEVELS)))


@pytest.mark.parametrize("full", FULL)
def test_the_first_full_level_is_the_reason_and_a_refused_trigger_counts_nowhere(full):
    """Every combination of full levels: what one refuses must not use up the room of another."""
    counts = {name: 1 if is_full else 2 for name, is_full in zip(LEVELS, full, strict=True)}
    assert ask(counts) == ROOM
    expected = next((LEVELS[name] for name, is_full in zip(LEVELS, full, strict=True) if is_full), None)
    if expected is None:
        assert ask(counts) == ROOM
        return
    for _ in range(3):
        decision = ask(counts)
        assert isinstance(decision, ShadowLog)
        assert decision.reason is expected
    assert ask(dict.fromkeys(LEVELS, 2)) == ROOM
    assert isinstance(ask(dict.fromkeys(LEVELS, 2)), ShadowLog)


def test_every_full_level_trips_and_each_overage_holds_longer():
    both = {"org": 1, "env": 1}
    assert ask(both, hold_ms=500) == ROOM
    assert isinstance(ask(both, at=100, hold_ms=500), ShadowLog)
    for only in ({"org": 1}, {"env": 1}):
        assert isinstance(ask(only, at=599, hold_ms=500), ShadowLog), only
        assert ask(only, at=600, hold_ms=500) == ROOM


def test_a_held_org_holds_its_other_environments():
    one = {"org": 1}
    ask(one, hold_ms=500)
    assert isinstance(ask(one, STAGING, at=10, hold_ms=500), ShadowLog)
    assert isinstance(ask(one, STAGING, at=400, hold_ms=500), ShadowLog)
    assert ask(one, OTHER, at=400, hold_ms=500) == ROOM


def test_what_a_level_mollifies_is_buffered_under_its_reason():
    assert gate.admit(arrival(limit=0, levels={"everybody": Limit(1, 200, 0)}), now_ms=NOW_MS) == ROOM
    decision = gate.admit(arrival(OTHER, limit=0, levels={"everybody": Limit(1, 200, 0)}), now_ms=NOW_MS)
    assert isinstance(decision, Mollify)
    assert (decision.reason, decision.count, decision.limit) == (Reason.GLOBAL_RATE, 1, 1)


def test_one_that_asks_is_told_what_is_left_of_its_environments_limit():
    def left(at):
        return gate.admit(arrival(limit=5, tell_left=True), now_ms=NOW_MS + at).left

    assert [left(at) for at in (0, 10, 20)] == [Left(4, 200), Left(3, 190), Left(2, 180)]
    assert left(205) == Left(2, 5)
    assert left(400) == Left(3, 5)
    assert gate.admit(arrival(limit=0, tell_left=True), now_ms=NOW_MS).left is None
    assert gate.admit(arrival(limit=5), now_ms=NOW_MS + 10_000).left is None


def test_a_clock_that_goes_back_closes_no_gate():
    """As where a replica whose clock is behind takes over."""
    counts = {"env": 2}
    assert [ask(counts, hold_ms=500) for _ in range(3)][:2] == [ROOM, ROOM]
    back = -3_600_000
    assert [ask(counts, at=back + ms, hold_ms=500) for ms in (0, 1)] == [ROOM, ROOM]
    assert isinstance(ask(counts, at=back + 2), ShadowLog)
    assert ask(counts, at=back + 1_000) == ROOM
