"""What makes a part good, and what it says of shards."""

from dataclasses import replace

from bench.chaos import report
from bench.chaos.checker import Fault
from bench.chaos.report import Lane, Part
from tests.bench.chaos.test_checker import AT, make

GOOD = Part("six", "", started=2, completed=2)


def test_a_part_is_good_when_nothing_at_all_went_wrong():
    assert GOOD.good
    assert GOOD.as_dict()["good"]
    for wrong in ({"failed": 1}, {"stuck": 1}, {"corrupted": 1}, {"unexpected": ("x",)}):
        assert not replace(GOOD, **wrong).good


def test_a_positive_control_is_good_when_it_is_seen_as_corrupted():
    assert not replace(GOOD, wants_corruption=True).good
    assert replace(GOOD, wants_corruption=True, corrupted=1, failed=3).good


def test_durations_are_told_by_shard():
    logs = [make(shard=1), make(shard=1, created_at=AT.replace(year=2025)), make(shard=0, finished_at=None)]
    assert report.lanes([replace(log, created_at=AT) for log in logs]) == {"1": Lane(2, 9.0, 9.0)}


def test_faults_are_counted_by_code():
    id_ = make().id
    assert report.counted([Fault(id_, "gap", "a"), Fault(id_, "tail", "b"), Fault(id_, "gap", "c")]) == {
        "gap": 2,
        "tail": 1,
    }
