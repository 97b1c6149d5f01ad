"""When the triggers of a burst are due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.load.shapes import PROFILES, Shape, due_times


@given(st.sampled_from(Shape), st.floats(0.5, 5000), st.floats(0.1, 20))
def test_every_shape_sends_rate_times_seconds_in_order_and_in_time(shape: Shape, rate: float, seconds: float) -> None:
    due = list(due_times(shape, rate, seconds))
    assert len(due) == round(rate * seconds)
    assert due == sorted(due)
    assert all(0 <= at <= seconds * (1 + 1e-9) for at in due)


@pytest.mark.parametrize("shape", Shape)
def test_a_profile_keeps_the_mean_rate(shape: Shape) -> None:
    assert sum(share for share, _ in PROFILES[shape]) == pytest.approx(1)
    assert sum(share * factor for share, factor in PROFILES[shape]) == pytest.approx(1)


def test_a_step_is_even() -> None:
    assert list(due_times(Shape.STEP, 4, 1)) == [0, 0.25, 0.5, 0.75]


def test_a_spike_sends_four_fifths_in_the_middle_fifth() -> None:
    due = list(due_times(Shape.SPIKE, 1000, 10))
    assert sum(4 <= at < 6 for at in due) == 8000


def test_a_storm_doubles_every_tenth() -> None:
    due = list(due_times(Shape.STORM, 1023, 10))
    assert [sum(tenth <= at < tenth + 1 for at in due) for tenth in range(4)] == [10, 20, 40, 80]
