"""B3, B13 and B17 on a few entries: that they measure what they say."""

import time

import pytest

from bench import buffer
from bench.rounds import Clock
from mollifier import pages


@pytest.fixture(autouse=True)
def _few(monkeypatch, settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "EXCHANGE_TIMEOUT_MS": 5_000}
    for name, value in {
        "ROUNDS": 1, "ENTRIES": 40, "BATCH": 20, "ORGS": (2, 4, 8), "DEPTHS": (0, 40, 80), "SHALLOW": 40, "VISITS": 2,
        "FILLED_AT_ONCE": 20, "PILE": 20,
    }.items():  # fmt: skip
        monkeypatch.setattr(buffer, name, value)


def test_all_that_is_claimed_is_settled_and_all_that_is_popped_deleted():
    assert buffer.worked_off(4) > 0
    assert pages.oldest(10) == []
    for read_and_delete in (buffer.one_by_one, buffer.at_once):
        assert buffer.popped(read_and_delete) > 0
        assert buffer.redis().dbsize() == 0


def test_claims_are_measured_against_lists():
    found = buffer.against_lists(Clock(60))
    assert [each.id for each in found] == ["B3.2", "B3.2.bulk", "B3.4", "B3.4.bulk"]
    assert [each.target for each in found] == [">= 0.7 x", None, ">= 0.7 x", None]


def test_each_depth_and_number_of_orgs_is_measured_against_the_smallest():
    found = buffer.by_depth(Clock(60))
    names = ["40-buffered", "80-buffered", "4-orgs", "8-orgs"]
    assert [each.id for each in found] == [f"B13.{what}.{name}" for name in names for what in ("claim", "admit")]
    assert all(each.ours > 0 for each in found)
    assert len(pages.oldest(100)) == 80


def test_filling_ends_in_time():
    assert buffer.fill(60, 2, size=10, until=time.monotonic() - 1) == 0
    assert buffer.fill(60, 2, size=10) == 60


def test_memory_is_measured_for_each_entry():
    plain, binding, request = buffer.by_memory(Clock(60))
    assert (plain.id, plain.against, plain.target) == ("B17", 500, "<= 1.8 x")
    assert 500 < plain.ours < 2_000
    assert min(binding.ours, request.ours) > 50
