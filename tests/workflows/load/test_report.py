"""The report of a run."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from uuid_utils.compat import uuid7

from workflows.load import report
from workflows.load.report import Report
from workflows.load.tally import Acceptance, Tally
from workflows.load.verdict import Verdict

STARTED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def made(answers: dict[str, int], verdict: Verdict) -> Report:
    tally = Tally(answers=Counter(answers), resent=1)
    tally.accepted = {uuid7(): Acceptance.STARTED, uuid7(): Acceptance.BUFFERED, uuid7(): Acceptance.BUFFERED}
    tally.latencies.extend([0.001, 0.002, 0.1])
    return report.make(run="r1", started_at=STARTED_AT, seconds=2.0, tally=tally, verdict=verdict, left_in_buffer=0)


def test_counts_and_times_are_put_together() -> None:
    drained_at = STARTED_AT + timedelta(seconds=2.5)
    found = made({"201": 1, "202": 2, "429": 1}, Verdict(completed=3, drained=2, drained_at=drained_at))
    assert (found.sent, found.rate, found.accepted, found.started, found.buffered) == (4, 2.0, 3, 1, 2)
    assert (found.refused, found.server_errors, found.unanswered, found.resent) == (1, 0, 0, 1)
    assert (found.p50_ms, found.p99_ms) == (2.0, 100.0)
    assert (found.drained, found.drain_seconds, found.complete_seconds) == (2, 2.5, 0.0)
    assert found.ok


@pytest.mark.parametrize("answers", [{"201": 1, "500": 1}, {"201": 1, "none": 1}])
def test_a_server_error_or_silence_is_not_ok(answers: dict[str, int]) -> None:
    assert not made(answers, Verdict(completed=1)).ok


@pytest.mark.parametrize("what", ["failed", "unfinished", "lost", "duplicates"])
def test_an_accepted_id_that_did_not_complete_is_not_ok(what: str) -> None:
    assert not made({"201": 1}, Verdict(**{what: 1})).ok


def test_it_is_one_json_object_or_a_table() -> None:
    found = made({"201": 1, "202": 2}, Verdict(completed=3))
    assert json.loads(found.as_json())["answers"] == {"201": 1, "202": 2}
    assert "\n" not in found.as_json()
    table = found.as_table()
    assert "201: 1, 202: 2" in table
    assert table.endswith("ok")


def test_nothing_sent_is_a_report_too() -> None:
    found = report.make(run="r", started_at=STARTED_AT, seconds=0, tally=Tally(), verdict=Verdict(), left_in_buffer=0)
    assert (found.sent, found.rate, found.ok) == (0, 0.0, True)
