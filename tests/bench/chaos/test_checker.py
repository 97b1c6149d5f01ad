"""Hand-made logs, good and corrupted in every way that the checker knows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from bench.chaos import checker
from bench.chaos.checker import Log, Story
from workflows.fence import StoredEvent

AT = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = [
    ("created", "", '{"payload":1}'),
    ("started", "", "{}"),
    ("step_retrying", "step:a:1", "{}"),
    ("step_completed", "step:a:1", '{"result":1}'),
    ("hook_created", "hook:go:1", "{}"),
    ("wait_created", "wait:sleep:1", "{}"),
    ("hook_received", "hook:go:1", "{}"),
    ("hook_received", "hook:go:1", "{}"),
    ("hook_disposed", "hook:go:1", "{}"),
    ("wait_completed", "wait:sleep:1", "{}"),
    ("completed", "end", '{"output":{"n":1}}'),
]


def make(events=GOOD, status="completed", **row) -> Log:
    stored = tuple(StoredEvent(seq, *event, AT + timedelta(seconds=seq)) for seq, event in enumerate(events, 1))
    ended = AT + timedelta(seconds=9)
    known = {"last_seq": len(stored), "finished_at": ended, "error_code": None, "created_at": AT}
    id_ = uuid4()
    return Log(id_, id_, id_, id_, 0, "flow", 1, status, row.pop("shard", 0), events=stored, **known | row)


def codes(log: Log, story: Story | None = None) -> set[str]:
    return {fault.code for fault in checker.judge(log, None if story is None else lambda _log: story)}


def without(position: int) -> list:
    return [event for number, event in enumerate(GOOD) if number != position]


def with_one(position: int, event: tuple) -> list:
    return [*GOOD[:position], event, *GOOD[position:]]


def test_a_good_log_has_no_fault():
    assert checker.judge(make(), lambda _log: Story(output='{"n":1}')) == []
    assert make().seconds == 9
    assert make(finished_at=None).seconds is None


@pytest.mark.parametrize(
    ("events", "code"),
    [
        (with_one(4, ("step_completed", "step:a:1", "{}")), "two_outcomes"),
        (with_one(4, ("step_failed", "step:a:1", "{}")), "two_outcomes"),
        (with_one(6, ("wait_created", "wait:sleep:1", "{}")), "two_outcomes"),
        (with_one(10, ("wait_completed", "wait:sleep:1", "{}")), "two_outcomes"),
        (with_one(6, ("hook_conflict", "hook:go:1", "{}")), "two_outcomes"),
        (with_one(9, ("hook_disposed", "hook:go:1", "{}")), "two_outcomes"),
        (with_one(4, ("step_retrying", "step:a:1", "{}")), "too_late"),
        (with_one(9, ("hook_received", "hook:go:1", "{}")), "too_late"),
        (without(5), "unasked"),
        (without(4), "unasked"),
        (with_one(1, ("started", "", "{}")), "beginning"),
        (without(0), "beginning"),
        ([], "beginning"),
        (with_one(5, ("completed", "end", "{}")), "two_ends"),
        (without(10), "ending"),
        ([*GOOD, ("step_completed", "step:b:1", "{}")], "ending"),
    ],
)
def test_a_corrupted_log_is_seen(events, code):
    assert code in codes(make(events))


def test_a_number_that_is_left_out_is_seen():
    log = make()
    events = tuple(replace(event, seq=event.seq + (event.seq > 5)) for event in log.events)
    assert codes(replace(log, events=events, last_seq=12)) == {"gap", "tail"}


def test_a_row_that_does_not_know_its_tail_is_seen():
    assert codes(make(last_seq=12)) == {"tail"}


def test_time_that_runs_backwards_is_seen():
    log = make()
    events = (*log.events[:-1], replace(log.events[-1], at=AT))
    assert codes(replace(log, events=events)) == {"backwards"}


def test_a_row_that_says_something_else_than_its_log_is_seen():
    assert codes(make(status="failed")) == {"ending"}
    assert codes(make(finished_at=None, status="running")) == {"ending"}


def test_one_that_runs_still_needs_no_end():
    assert codes(make(without(10), status="running", finished_at=None)) == set()


@pytest.mark.parametrize(
    ("story", "code"),
    [
        (Story(output='{"n":2}'), "retold"),
        (Story(failure="it raised"), "retold"),
        (Story(), "retold"),
        (Story(diverged="it asks for something else"), "diverged"),
    ],
)
def test_a_log_that_its_code_does_not_tell_is_seen(story, code):
    assert codes(make(), story) == {code}


def test_a_failed_one_is_to_fail_again():
    events = [*GOOD[:-1], ("failed", "end", "{}")]
    assert codes(make(events, status="failed"), Story(failure="broken")) == set()
    assert codes(make(events, status="failed"), Story(output="1")) == {"retold"}


def test_a_fault_names_its_instance():
    (fault,) = checker.judge(make(last_seq=12))
    assert str(fault).startswith(f"{fault.instance_id}: tail, ")
