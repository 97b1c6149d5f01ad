import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from mollifier import batch, conf
from mollifier.decision import Mode, Reason
from mollifier.entry import Claim, Entry, Fail, Requeue, Settle, State, Unreadable
from tests.mollifier.makers import ACME
from tests.mollifier.memory import MemoryMaterialiser

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JUDGE = batch.Judge(conf.read({}), Random(1), lambda: NOW)
LONG_AGO = NOW - timedelta(minutes=15)


def make_entry(**fields):
    return Entry(uuid.uuid4(), ACME, 1, NOW, Mode.ON, Reason.BACKLOG, b"{}", State.LEASED, **fields)


def run(materialiser, *entries, unreadable=()):
    return batch.run(Claim("t", entries, unreadable), materialiser, JUDGE)


@pytest.fixture
def memory():
    return MemoryMaterialiser()


def test_written_entries_are_settled_with_the_patch_their_claim_saw(memory):
    one, two = make_entry(), make_entry(patch_version=1, cancel_reason="x")
    verdicts = run(memory, one, two)
    assert verdicts.reports == (Settle(one.id, 0), Settle(two.id, 1))
    assert not verdicts.unavailable


def test_an_unreachable_store_spends_no_attempt(memory):
    memory.away = True
    entry = make_entry(attempts=4, first_failed_at=LONG_AGO)
    verdicts = run(memory, entry)
    assert verdicts.reports == (Requeue(entry.id, 0, False, "connection refused"),)
    assert verdicts.unavailable


@pytest.mark.parametrize(("spent", "least", "most"), [(0, 500, 1_000), (1, 1_000, 2_000), (20, 30_000, 60_000)])
def test_a_fault_is_retried_after_a_growing_delay(memory, spent, least, most):
    entry = make_entry(attempts=spent, first_failed_at=NOW)
    memory.faulty = {entry.id}
    (report,) = run(memory, entry).reports
    assert report.spend_attempt
    assert report.error == "division by zero"
    assert least <= report.delay_ms <= most


@pytest.mark.parametrize(
    ("attempts", "first_failed_at", "buried"),
    [(4, LONG_AGO, True), (3, LONG_AGO, False), (4, NOW, False), (9, NOW, False), (0, None, False)],
)
def test_an_entry_is_exhausted_when_attempts_and_time_are_both_spent(memory, attempts, first_failed_at, buried):
    entry = make_entry(attempts=attempts, first_failed_at=first_failed_at)
    memory.faulty = {entry.id}
    (report,) = run(memory, entry).reports
    assert isinstance(report, Settle) is buried
    assert memory.rows == ({entry.id: "failed"} if buried else {})


def test_a_final_fault_is_buried_with_its_error_at_once(memory):
    entry = make_entry()
    memory.final = {entry.id}
    verdicts = run(memory, entry)
    assert verdicts.reports == (Settle(entry.id, 0),)
    assert verdicts.buried == 1
    assert memory.errors == {entry.id: "no such definition"}


def test_a_burial_in_an_outage_waits_for_the_store(memory):
    entry = make_entry(attempts=5, lapses=3, first_failed_at=LONG_AGO)
    memory.away = True
    verdicts = run(memory, entry)
    assert verdicts.reports == (Requeue(entry.id, 0, False, "connection refused"),)
    assert verdicts.unavailable
    assert verdicts.buried == 0


def test_a_poison_entry_is_buried_without_being_tried_again(memory):
    entry = make_entry(attempts=5, lapses=7, first_failed_at=LONG_AGO)
    healthy = make_entry()
    run(memory, entry, healthy)
    assert memory.batches == [(healthy.id,)]
    assert memory.rows == {entry.id: "failed", healthy.id: "started"}
    assert "died" in memory.errors[entry.id]


def test_what_can_not_be_buried_is_a_dead_letter_with_both_errors(memory):
    entry = make_entry()
    memory.final = memory.unburiable = {entry.id}
    (report,) = run(memory, entry).reports
    assert isinstance(report, Fail)
    assert "no such definition" in report.error
    assert "value too long" in report.error


def test_an_unreadable_entry_is_a_dead_letter(memory):
    lost = Unreadable(uuid.uuid4(), "of version 9")
    assert run(memory, unreadable=(lost,)).reports == (Fail(lost.id, "of version 9"),)


class Raising(MemoryMaterialiser):
    def materialise(self, entries):
        raise RuntimeError("a bug")


class Forgetful(MemoryMaterialiser):
    def materialise(self, entries):
        return list(super().materialise(entries))[:-1]


def test_an_exception_counts_as_a_fault_of_each_entry():
    entries = (make_entry(), make_entry())
    reports = run(Raising(), *entries).reports
    assert [report.error for report in reports] == ["RuntimeError: a bug"] * 2
    assert all(report.spend_attempt for report in reports)


def test_a_missing_outcome_counts_as_a_fault():
    one, two = make_entry(), make_entry()
    first, second = run(Forgetful(), one, two).reports
    assert first == Settle(one.id, 0)
    assert second == replace(second, id=two.id, spend_attempt=True)
    assert "no outcome" in second.error
