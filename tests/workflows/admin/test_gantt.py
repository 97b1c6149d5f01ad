"""Bars from a log."""

import json
from datetime import UTC, datetime, timedelta

from workflows.admin import gantt
from workflows.admin.bars import Row
from workflows.fence import StoredEvent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ERROR = {"code": "http_500", "message": "no luck", "type": "Retryable"}


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def log(*events: tuple, first: int = 1) -> list[StoredEvent]:
    """Write a log of (seconds, type, correlation id, data)."""
    return [
        StoredEvent(seq, type_, name, json.dumps(data[0] if data else {}), at(seconds))
        for seq, (seconds, type_, name, *data) in enumerate(events, first)
    ]


def retrying(seconds: float, name: str, attempt: int, until: float) -> tuple:
    data = {"attempt": attempt, "retry_at": at(until).isoformat(), "error": ERROR}
    return (seconds, "step_retrying", name, data)


def due(seconds: float) -> dict:
    return {"due_at": at(seconds).isoformat()}


BEGIN = [(0, "created", ""), (1, "started", "")]


def read(*segments: list[StoredEvent], now: float = 100, finished: float | None = None) -> list[Row]:
    return gantt.read(segments, now=at(now), finished_at=None if finished is None else at(finished))


def bars(row: Row) -> list[tuple]:
    return [
        (bar.look, (bar.begun - NOON).total_seconds(), bar.ended and (bar.ended - NOON).total_seconds())
        for bar in row.bars
    ]


def test_a_step_is_a_bar_from_what_went_before_it_to_its_end() -> None:
    first, second = read(log(*BEGIN, (3, "step_completed", "step:a:1"), (4, "step_completed", "step:b:1")))
    assert (first.kind, first.name, first.outcome, bars(first)) == ("step", "a:1", "completed", [("completed", 1, 3)])
    assert bars(second) == [("completed", 3, 4)]
    assert first.bars[0].said == "attempt 1 completed"


def test_retries_are_attempts_with_pauses_between_them() -> None:
    events = log(
        *BEGIN,
        retrying(2, "step:a:1", 1, 5),
        retrying(6, "step:a:1", 2, 9),
        (10, "step_failed", "step:a:1", {"error": ERROR}),
    )
    (row,) = read(events)
    assert bars(row) == [("retried", 1, 2), ("backoff", 2, 5), ("retried", 5, 6), ("backoff", 6, 9), ("failed", 9, 10)]
    assert (row.outcome, row.attempt, row.error) == ("failed", 3, "http_500: no luck")
    assert row.bars[0].said == "attempt 1 failed: http_500: no luck"


def test_a_pause_that_is_not_over_goes_on() -> None:
    (row,) = read(log(*BEGIN, retrying(2, "step:a:1", 1, 50)), now=20)
    assert bars(row) == [("retried", 1, 2), ("backoff", 2, None)]
    assert row.is_open


def test_an_attempt_that_is_due_goes_on() -> None:
    (row,) = read(log(*BEGIN, retrying(2, "step:a:1", 1, 5)), now=20)
    assert bars(row) == [("retried", 1, 2), ("backoff", 2, 5), ("running", 5, None)]
    assert row.bars[-1].said == "attempt 2"


def test_the_end_of_the_instance_cuts_off_what_was_open() -> None:
    events = log(
        *BEGIN,
        retrying(2, "step:a:1", 1, 50),
        (3, "wait_created", "race:1.b/wait:sleep:1", due(90)),
        (4, "cancelled", "end"),
    )
    step, wait = read(events, finished=4)
    assert bars(step)[-1] == ("backoff", 2, 4)
    assert (bars(wait), wait.outcome) == ([("wait", 3, 4)], "let go")


def test_a_wait_is_open_until_it_is_completed() -> None:
    events = log(*BEGIN, (2, "wait_created", "wait:sleep:1", due(12)))
    (open_row,) = read(events, now=5)
    assert (bars(open_row), open_row.outcome, open_row.seconds) == ([("wait", 2, None)], "open", None)
    (row,) = read([*events, *log((12, "wait_completed", "wait:sleep:1"), first=4)])
    assert (bars(row), row.outcome) == ([("wait", 2, 12)], "completed")


def test_a_hook_is_open_from_its_creation_to_what_it_received_or_its_disposal() -> None:
    created = (2, "hook_created", "hook:approval:1", {"token": "t", "name": "approval"})
    (received,) = read(
        log(
            *BEGIN,
            created,
            (8, "hook_received", "hook:approval:1"),
            (8, "hook_disposed", "hook:approval:1", {"reason": "closed"}),
        )
    )
    assert (bars(received), received.outcome) == ([("hook", 2, 8)], "received")
    (late,) = read(log(*BEGIN, created, (9, "hook_disposed", "hook:approval:1", {"reason": "timed_out"})))
    assert (bars(late), late.outcome) == ([("hook", 2, 9)], "timed out")
    (waiting,) = read(log(*BEGIN, created), now=9)
    assert bars(waiting) == [("hook", 2, None)]
    (last,) = read(log(*BEGIN, created, (8, "hook_received", "hook:approval:1"), (9, "completed", "end")), finished=9)
    assert (bars(last), last.outcome) == ([("hook", 2, 8)], "received")


def test_a_hook_that_stays_open_has_a_bar_for_each_payload() -> None:
    name = "hook:orders:1"
    (row,) = read(
        log(
            *BEGIN,
            (2, "hook_created", name, {"token": "t", "name": "orders"}),
            (3, "hook_received", name),
            (5, "hook_received", name),
            (9, "hook_disposed", name, {"reason": "closed"}),
        )
    )
    assert bars(row) == [("hook", 2, 3), ("hook", 3, 5), ("hook", 5, 9)]


def test_a_hook_whose_token_is_taken_is_a_conflict() -> None:
    (row,) = read(log(*BEGIN, (2, "hook_conflict", "hook:approval:1", {"token": "t"})))
    assert (row.outcome, row.bars[0].look) == ("conflict", "failed")


def test_a_child_is_linked_and_ends_with_its_status() -> None:
    started = (2, "child_started", "child:review:1", {"instance_id": "0199", "definition": "review"})
    finished = (7, "child_finished", "child:review:1", {"instance_id": "0199", "status": "failed", "error": ERROR})
    (row,) = read(log(*BEGIN, started, finished))
    assert (row.child_id, row.outcome, bars(row)) == ("0199", "failed", [("failed", 2, 7)])
    (refused,) = read(log(*BEGIN, (2, "child_finished", "child:x:1", {"status": "refused", "error": ERROR})))
    assert (refused.outcome, refused.child_id, bars(refused)) == ("refused", "", [("failed", 2, 2)])


def test_a_pause_is_a_row_with_who_made_it() -> None:
    events = log(
        *BEGIN,
        (2, "paused", "", {"actor": "oscar"}),
        (5, "resumed", "", {"actor": "ada"}),
        (6, "paused", "", {"actor": "ada"}),
    )
    first, second = read(events, now=9)
    assert (first.kind, first.name, bars(first), first.outcome) == ("pause", "by oscar", [("pause", 2, 5)], "resumed")
    assert bars(second) == [("pause", 6, None)]


def test_an_emitted_event_is_a_moment() -> None:
    (row,) = read(log(*BEGIN, (2, "emitted", "emit:order.paid:1")))
    assert (row.kind, row.name, bars(row)) == ("emit", "order.paid:1", [("emit", 2, 2)])


def test_what_lost_a_race_ends_when_the_code_goes_on_behind_it() -> None:
    events = log(
        *BEGIN,
        (2, "wait_created", "race:1.late/wait:sleep:1", due(90)),
        (3, "step_completed", "race:1.quick/step:a:1"),
        (5, "step_completed", "step:b:1"),
    )
    late, quick, after = read(events, now=20)
    assert (bars(late), late.outcome) == ([("wait", 2, 5)], "let go")
    assert [quick.outcome, after.outcome] == ["completed", "completed"]


def test_a_fork_behind_another_ends_what_is_open_in_the_first() -> None:
    events = log(
        *BEGIN,
        (2, "wait_created", "race:1.late/wait:sleep:1", due(90)),
        (3, "step_completed", "race:1.quick/step:a:1"),
        (4, "wait_created", "gather:1.0/wait:sleep:1", due(60)),
    )
    late, _, other = read(events, now=20)
    assert (late.outcome, other.outcome) == ("let go", "open")


def test_a_step_that_ends_unread_ends_nothing_of_a_later_fork() -> None:
    events = log(
        *BEGIN,
        (3, "step_completed", "race:1.quick/step:a:1"),
        (4, "wait_created", "gather:1.0/wait:sleep:1", due(60)),
        (5, "step_completed", "race:1.slow/step:a:1"),
    )
    rows = {row.correlation_id: row.outcome for row in read(events, now=20)}
    assert rows["gather:1.0/wait:sleep:1"] == "open"


def test_what_comes_late_ends_nothing() -> None:
    events = log(
        *BEGIN,
        (2, "hook_created", "hook:orders:1", {"token": "t", "name": "orders"}),
        (3, "wait_created", "race:1.late/wait:sleep:1", due(60)),
        (4, "hook_received", "hook:orders:1"),
    )
    rows = {row.correlation_id: row.outcome for row in read(events, now=20)}
    assert rows["race:1.late/wait:sleep:1"] == "open"


def test_what_ends_in_a_part_that_is_left_out_is_drawn_up_to_it_or_on() -> None:
    head = log(
        *BEGIN,
        (2, "wait_created", "gather:1.0/wait:sleep:1", due(90)),
        (3, "wait_created", "gather:1.1/wait:sleep:1", due(60)),
    )
    tail = log((60, "wait_completed", "gather:1.1/wait:sleep:1"), (70, "step_completed", "step:z:9"), first=900)
    rows = {row.correlation_id: row for row in read(head, tail)}
    unknown, told, step = rows["gather:1.0/wait:sleep:1"], rows["gather:1.1/wait:sleep:1"], rows["step:z:9"]
    assert (unknown.outcome, unknown.bars[-1].sure) == ("not shown", False)
    assert (told.outcome, bars(told)) == ("completed", [("wait", 3, 60)])
    assert bars(step)[0][2] == 70


def test_a_part_that_begins_in_the_middle_draws_from_its_edge() -> None:
    (wait,) = read(log((60, "emitted", ""), (62, "wait_completed", "wait:sleep:1"), first=500))[-1:]
    assert (bars(wait), wait.bars[0].sure) == ([("wait", 60, 62)], False)


def test_a_pause_in_the_head_that_may_have_ended_unseen_says_so() -> None:
    (row,) = read(
        log(*BEGIN, (2, "paused", "", {"actor": "oscar"})), log((9, "completed", "end"), first=50), finished=9
    )
    assert (row.outcome, row.bars[0].sure) == ("not shown", False)


def test_no_event_draws_nothing() -> None:
    assert read([]) == []
