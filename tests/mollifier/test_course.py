import pytest

from mollifier import course
from mollifier.course import Course


def test_a_course_comes_to_points_totals_and_quantiles():
    so_far = Course()
    so_far.counts.update(triggers=4, passed=1, buffered=3, trips=1)
    so_far.reasons.update({"backlog": 1, "env_rate": 2})
    so_far.arrived.update({100: 3, 102: 1})
    so_far.buffered.update({100: 3})
    so_far.drained.update({101: 3})
    so_far.depth.update({100: 3, 101: 0})
    so_far.age.update({100: 400.0})
    so_far.waits += [900.0, 100.0, 500.0]
    found = course.result(so_far, 5, "triggers")
    assert [(each.at, each.arrived, each.buffered, each.drained, each.depth) for each in found.points] == [
        (100, 3, 3, 0, 3),
        (101, 0, 0, 3, 0),
        (102, 1, 0, 0, 0),
    ]
    assert (found.peak_depth, found.max_age_ms, found.wait_p50_ms, found.wait_p95_ms) == (3, 900.0, 500.0, 900.0)
    assert (found.share, found.left, found.recorded, found.stopped) == (75.0, 0, 5, "triggers")
    assert found.reasons == (("env_rate", 2), ("backlog", 1))


@pytest.mark.parametrize("seconds", [1, 240, 241, 3_600, 90_000])
def test_however_long_there_are_few_points_and_no_second_is_left_out(seconds):
    so_far = Course()
    so_far.arrived.update({100: 1, 100 + seconds - 1: 1})
    found = course.result(so_far, 2, "")
    assert len(found.points) <= course.MOST_POINTS
    assert sum(each.arrived for each in found.points) == (2 if seconds > 1 else 1)
    assert found.wait_p50_ms is None
