import pytest

from workflows.fence import Change, Failure, NewEvent
from workflows.states import FINISHED, EventType, Status


@pytest.mark.parametrize("status", list(Status))
def test_a_change_finishes_when_its_status_is_an_end(status):
    assert Change(status).finishes is (status in FINISHED)


def test_an_event_weighs_its_bytes():
    assert NewEvent(EventType.STARTED, data="{}").size == 2
    assert NewEvent(EventType.STARTED, data='"é"').size == 4


def test_a_failure_is_shown_short_and_storable():
    shown = Failure("c" * 100, "x" * 3000 + "\x00").shown()
    assert (len(shown.code), len(shown.message)) == (64, 2000)
    assert Failure("a\x1fb", "\x00\ud800").shown() == Failure("a\ufffdb", "\ufffd?")
    assert Failure("a\ud800", "").shown().code == "a?"
