"""The pump's third thread on its own: told, it has the outbox emptied, and it outlives errors."""

import pytest
from django.db import OperationalError

from tests.waiting import until
from workflows.pump import relayer
from workflows.pump.relayer import Relayer


class Outside:
    """Answers each relay with the next of what the test gives; nothing is left after that."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = 0

    def relay(self, limit):
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else 0
        if isinstance(answer, Exception):
            raise answer
        return limit if answer == "full" else answer


@pytest.fixture
def begin():
    started = []

    def start(outside):
        made = Relayer(0, outside)
        made.start()
        started.append(made)
        return made

    yield start
    for each in started:
        each.stop()
        each.join(30)


def test_nothing_is_relayed_before_it_is_told(begin):
    outside = Outside()
    begin(outside).stop()
    until(lambda: outside.calls == 1)


def test_a_full_batch_is_followed_by_the_next(begin):
    outside = Outside("full", "full", 3)
    begin(outside).tell()
    until(lambda: outside.calls == 3)


def test_an_outage_is_waited_out(begin, monkeypatch):
    monkeypatch.setattr(relayer, "PAUSE_SECONDS", 0.01)
    outside = Outside(OperationalError("away"), OperationalError("away"), 1)
    begin(outside).tell()
    until(lambda: outside.calls == 3)


def test_an_error_leaves_the_rest_to_the_sweep_and_the_thread_alive(begin):
    outside = Outside(ValueError("no"))
    thread = begin(outside)
    thread.tell()
    until(lambda: outside.calls == 1)
    thread.tell()
    until(lambda: outside.calls == 2)
