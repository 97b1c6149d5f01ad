import pytest
from django.db import connection

from tests.waiting import until
from tests.workflows.making import dense, held_row, log_of, make_instance, make_instances
from workflows import eventlog
from workflows.fence import Append, Appended, Conflict, Fence, NewEvent
from workflows.intake import outside
from workflows.pump.committer import Committer, Write
from workflows.states import EventType

pytestmark = pytest.mark.django_db(transaction=True)

FACT = NewEvent(EventType.STEP_COMPLETED, "step:a:1", '{"result": 1}')


@pytest.fixture
def answers():
    return []


@pytest.fixture
def committer(answers):
    broken = []
    made = Committer(outside, broken.append)
    made.start(answers.extend)
    yield made
    made.stop()
    made.join(30)
    assert broken == []


def write(instance, fence=None, tail=1):
    return Write(None, Append(instance, (FACT,), fence or Fence()), tail)


def test_what_is_queued_is_written_together(committer, answers):
    instances = make_instances("noop", [None] * 50)
    for instance in instances:
        committer.put(write(instance))
    committer.flush()
    until(lambda: len(answers) == 50)
    assert all(isinstance(each.outcome, Appended) for each in answers)
    assert committer.groups == 1


def test_two_writes_of_one_instance_go_one_after_the_other(committer, answers):
    instance = make_instance()
    committer.put(write(instance))
    committer.put(write(instance))
    committer.flush()
    until(lambda: len(answers) == 2)
    assert [each.outcome.base for each in answers] == [1, 2]


def test_a_busy_instance_is_tried_again_and_then_waited_for(committer, answers):
    busy, free = make_instances("noop", [None] * 2)
    with held_row(busy):
        committer.put(write(busy))
        committer.put(write(free))
        committer.flush()
        until(lambda: len(answers) == 1)
        assert answers[0].request.instance_id == free
    until(lambda: len(answers) == 2)
    assert isinstance(answers[1].outcome, Appended)


def test_an_append_whose_answer_was_lost_is_not_written_twice(committer, answers, monkeypatch):
    """The connection breaks after the commit: the next try can only land at the tail that was known."""
    instance = make_instance()
    append, tries = eventlog.append_group, []

    def lose_the_first_answer(requests):
        outcomes = append(requests)
        tries.append(outcomes)
        if len(tries) == 1:
            connection.connection.close()
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        return outcomes

    monkeypatch.setattr(eventlog, "append_group", lose_the_first_answer)
    committer.put(write(instance))
    committer.flush()
    until(lambda: len(answers) == 1)
    assert (answers[0].outcome, answers[0].unsure) == (Conflict(2), True)
    assert len(log_of(instance)) == 2
    assert dense(instance)


def test_an_error_of_its_own_is_told_and_ends_it():
    broken = []
    committer = Committer(outside, broken.append)
    committer.start(lambda writes: 1 / 0)
    committer.put(write(make_instance()))
    committer.flush()
    until(lambda: broken)
    assert isinstance(broken[0], ZeroDivisionError)
    committer.join(30)
