"""What a value comes to, however little of it is in memory."""

import pytest

from workflows.declarative.weight import weigh


@pytest.mark.parametrize(
    ("value", "weight"),
    [(None, 1), (7, 1), ("abc", 4), ("", 1), ([], 1), ({}, 1), ([1, "a", [True]], 6), ({"ab": {"c": "d"}}, 7)],
)
def test_values_and_characters_are_counted(value, weight):
    assert weigh(value) == weight


def test_what_is_shared_is_counted_wherever_it_stands():
    value = ["abc"]
    for _ in range(100):
        value = [value, {"a": value}]
    assert 2**100 < weigh(value) < 2**103


def test_what_is_nested_deep_needs_no_stack():
    value = 1
    for _ in range(100_000):
        value = [value]
    assert weigh(value) == 100_001
