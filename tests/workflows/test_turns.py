import json
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from workflows import turns
from workflows.endings import Completed, Failed
from workflows.fence import Failure, Fence
from workflows.states import EventType, Status

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ID = uuid7()


def test_a_result_is_kept_as_the_text_it_is():
    event = turns.step_completed("step:a:1", b'{"b":1,"a":2}')
    assert (event.type, event.data) == (EventType.STEP_COMPLETED, '{"result":{"b":1,"a":2}}')


def test_a_retry_says_what_went_wrong_and_when_it_is_due():
    event = turns.step_retrying("step:a:1", Failure("busy", "later"), "Retryable", 2, AT)
    assert json.loads(event.data) == {
        "attempt": 2,
        "retry_at": "2026-01-02T03:04:05+00:00",
        "error": {"code": "busy", "message": "later", "type": "Retryable"},
    }


def test_words_that_no_table_can_hold_are_replaced():
    event = turns.step_failed("step:a:1", Failure("odd", "a\ud800b\x00"), "ValueError")
    assert json.loads(event.data)["error"]["message"] == "a?b\ufffd"


def test_a_workflow_that_returned_completes_and_one_that_raised_fails():
    done = turns.finish(ID, Completed("[1]"), Fence(3, 1))
    assert (done.change.status, done.events[0].data, done.fence) == (Status.COMPLETED, '{"output":[1]}', Fence(3, 1))
    failed = turns.finish(ID, Failed(Failure("declined", "no")), Fence())
    assert (failed.change.status, failed.change.failure) == (Status.FAILED, Failure("declined", "no"))
    assert json.loads(failed.events[0].data) == {"error": {"code": "declined", "message": "no"}}


def test_suspending_and_setting_aside_wait_until_a_time():
    asleep = turns.suspend(ID, [turns.wait_created("wait:sleep:1", AT)], Fence(1), AT)
    aside = turns.set_aside(ID, Fence(), AT, Failure("definition_absent", "x"))
    for append in (asleep, aside):
        assert (append.change.status, append.change.wake_at, append.change.finishes) == (Status.WAITING, AT, False)
    assert aside.events == ()
