"""What the answers said."""

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from workflows.load.client import Answered
from workflows.load.plan import Sending
from workflows.load.tally import Acceptance, Tally, percentile
from workflows.load.wire import Answer


def answered(status: int | None, body: object, *, triggers: int = 1, tries: int = 1) -> Answered:
    answer = None if status is None else Answer(status, json.dumps(body).encode(), 0)
    return Answered(Sending(0, "ada", (b"{}",) * triggers), answer, 0.25, tries)


@pytest.mark.parametrize(
    ("status", "acceptance"), [(201, Acceptance.STARTED), (202, Acceptance.BUFFERED), (200, Acceptance.EXISTING)]
)
def test_an_accepted_id_is_remembered_with_how(status: int, acceptance: Acceptance) -> None:
    tally, named = Tally(), uuid7()
    tally.add(answered(status, {"id": str(named), "status": "pending"}))
    assert tally.accepted == {named: acceptance}
    assert tally.accepted_as(acceptance) == 1
    assert tally.answers == {str(status): 1}


def test_the_first_answer_that_names_an_id_counts() -> None:
    tally, named = Tally(), uuid7()
    tally.add(answered(202, {"id": str(named)}))
    tally.add(answered(200, {"id": str(named)}))
    assert tally.accepted == {named: Acceptance.BUFFERED}


def test_refusals_and_silence_are_counted_without_an_id() -> None:
    tally = Tally()
    tally.add(answered(503, {"code": "buffer_full"}, tries=3))
    tally.add(answered(None, None))
    assert tally.accepted == {}
    assert tally.answers == {"503": 1, "none": 1}
    assert tally.resent == 2
    assert list(tally.latencies) == [0.25]


def test_a_batch_counts_an_answer_for_each_trigger() -> None:
    tally, one, two = Tally(), uuid7(), uuid7()
    results = [
        {"index": 0, "status": 202, "instance": {"id": str(one)}},
        {"index": 1, "status": 422, "problem": {"code": "idempotency_mismatch"}},
        {"index": 2, "status": 201, "instance": {"id": str(two)}},
    ]
    tally.add(answered(200, {"results": results, "summary": {}}, triggers=3))
    tally.add(answered(413, {"code": "too_large"}, triggers=2))
    assert tally.accepted == {one: Acceptance.BUFFERED, two: Acceptance.STARTED}
    assert tally.answers == {"202": 1, "422": 1, "201": 1, "413": 2}


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_smallest_value_that_covers_its_share(sample: list[float], share: float) -> None:
    found = percentile(sample, share)
    assert found in sample
    assert sum(each <= found for each in sample) >= share * len(sample) - 1e-9
    assert sum(each < found for each in sample) < share * len(sample) + 1e-9


def test_nothing_has_a_percentile_of_zero() -> None:
    assert percentile([], 0.99) == 0
    assert Tally().latency_ms(0.5) == 0


def test_ids_are_uuids_so_they_sort_by_age() -> None:
    tally = Tally()
    ids = [uuid7() for _ in range(5)]
    for each in reversed(ids):
        tally.add(answered(201, {"id": str(each)}))
    assert sorted(tally.accepted) == ids
    assert all(isinstance(each, UUID) for each in tally.accepted)
