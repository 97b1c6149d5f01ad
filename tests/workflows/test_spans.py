from datetime import UTC, datetime, timedelta

from workflows import spans
from workflows.fence import StoredEvent

START = datetime(2026, 1, 1, tzinfo=UTC)


def log(*events):
    """Make a log of (second, type, correlation id, data)."""
    return [
        StoredEvent(seq, type_, name, *(data or ["{}"]), START + timedelta(seconds=second))
        for seq, (second, type_, name, *data) in enumerate(events, 1)
    ]


def took(*events):
    return list(spans.of(log(*events)).items())


def test_a_step_is_counted_from_what_happened_before_it():
    assert took(
        (0, "created", ""),
        (1, "started", ""),
        (3, "step_completed", "step:a:1"),
        (3.5, "step_failed", "step:b:1"),
        (4, "failed", "end"),
    ) == [(3, 2.0), (4, 0.5), (5, 4.0)]


def test_a_retry_is_counted_from_when_it_was_due():
    due = f'{{"attempt": 1, "retry_at": "{(START + timedelta(seconds=10)).isoformat()}"}}'
    assert took((0, "started", ""), (1, "step_retrying", "step:a:1", due), (10.5, "step_completed", "step:a:1")) == [
        (2, 1.0),
        (3, 0.5),
    ]


def test_a_branch_is_not_concerned_with_what_happens_in_others():
    assert took(
        (0, "started", ""),
        (2, "step_completed", "gather:1.0/step:a:1"),
        (3, "step_completed", "gather:1.1/step:a:1"),
        (7, "step_completed", "gather:1.1/race:1.x/step:a:1"),
        (8, "step_completed", "gather:1.0/step:a:2"),
        (9, "step_completed", "step:a:1"),
    ) == [(2, 2.0), (3, 3.0), (4, 4.0), (5, 6.0), (6, 1.0)]


def test_waits_hooks_children_and_pauses_are_counted_from_their_beginning():
    assert took(
        (0, "started", ""),
        (1, "wait_created", "wait:sleep:1"),
        (2, "hook_created", "hook:a:1"),
        (3, "child_started", "child:c:1"),
        (4, "paused", ""),
        (5, "resumed", ""),
        (6, "hook_received", "hook:a:1"),
        (7, "hook_disposed", "hook:a:1"),
        (8, "wait_completed", "wait:sleep:1"),
        (9, "child_finished", "child:c:1"),
    ) == [(6, 1.0), (7, 4.0), (8, 5.0), (9, 7.0), (10, 6.0)]


def test_a_child_that_was_refused_began_nothing():
    assert took((0, "started", ""), (1, "child_finished", "child:c:1")) == []
