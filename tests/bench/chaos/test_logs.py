"""Logs as the judge gets them."""

import pytest

from bench.chaos import logs
from tests.workflows.making import log_of, make_instances
from tests.workflows.pumping import run_until_idle

pytestmark = pytest.mark.django_db(transaction=True)


def test_rows_come_with_their_events(monkeypatch):
    monkeypatch.setattr(logs, "BATCH", 2)
    ids = make_instances("steps", [{"n": 2}] * 3)
    assert logs.unfinished(ids) == 3
    run_until_idle()
    assert logs.unfinished(ids) == 0
    found = list(logs.read(ids))
    assert {log.id for log in found} == set(ids)
    for log in found:
        assert (log.definition, log.status, log.last_seq) == ("steps", "completed", 5)
        assert [(event.seq, event.type, event.correlation_id) for event in log.events] == log_of(log.id)
