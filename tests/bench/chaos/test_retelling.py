"""The judge's second opinion, on logs of a real pump and on spoilt ones."""

from dataclasses import replace

import pytest

from bench.chaos import checker, logs, retelling
from tests.waiting import until
from tests.workflows.making import make_instance, row
from tests.workflows.pumping import running
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log():
    instance = make_instance("chaos-hook-or-sleep", {"iterations": 2, "sleep": 0.02, "pause": 0.01})
    with running():
        until(lambda: row(instance).status == Status.COMPLETED)
    (found,) = logs.read([instance])
    return found


def test_a_good_log_is_retold_to_its_end(log):
    assert checker.judge(log, retelling.tell) == []


def test_an_event_that_the_code_never_asked_for_diverges(log):
    at = next(number for number, event in enumerate(log.events) if event.type == "wait_created")
    spoilt = replace(log.events[at], correlation_id="wait:sleep:9")
    story = retelling.tell(replace(log, events=(*log.events[:at], spoilt, *log.events[at + 1 :])))
    assert "wait:sleep:9" in (story.diverged or "")


def test_a_log_that_breaks_off_does_not_end(log):
    at = next(number for number, event in enumerate(log.events) if event.type == "wait_completed")
    assert "has not ended" in (retelling.tell(replace(log, events=log.events[:at])).failure or "")


def test_a_failing_workflow_fails_again(log):
    created = replace(log.events[0], data='{"payload":{}}')
    assert (retelling.tell(replace(log, events=(created,))).failure or "").startswith("error: KeyError")


def test_code_that_is_not_here_can_not_tell(log):
    assert "not registered" in (retelling.tell(replace(log, definition="gone")).diverged or "")
