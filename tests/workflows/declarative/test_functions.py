"""The functions of expressions: JSON in, JSON out, and never more than a bounded amount of it."""

import pytest

from workflows.declarative.functions import FUNCTIONS, MAX_TEXT, ValueUnfit

LONG = "x" * MAX_TEXT
VALUES = [
    ("abs", [-2], 2),
    ("bool", [[]], False),
    ("ends_with", ["cat", "at"], True),
    ("float", ["1.5"], 1.5),
    ("get", [{"a": 1}, "b", 2], 2),
    ("get", [{"a": 1}, "a"], 1),
    ("get", [[1, 2], -1], 2),
    ("get", [[1, 2], 2, "none"], "none"),
    ("get", ["text", "a"], None),
    ("has", [{"a": None}, "a"], True),
    ("has", ["a", "a"], False),
    ("int", ["12"], 12),
    ("int", [1.9], 1),
    ("join", [["a", 1, None], "-"], "a-1-null"),
    ("json", ["a"], '"a"'),
    ("keys", [{"b": 1, "a": 2}], ["b", "a"]),
    ("keys", [1], []),
    ("len", [{"a": 1}], 1),
    ("lower", ["ÄB"], "äb"),
    ("max", [[1, 3, 2]], 3),
    ("max", [1, 3], 3),
    ("min", ["b", "a"], "a"),
    ("parse_json", ['{"a": [1]}'], {"a": [1]}),
    ("range", [3], [0, 1, 2]),
    ("replace", ["cat", "c", "h"], "hat"),
    ("round", [2.567, 2], 2.57),
    ("round", [2.5], 2),
    ("round", [15, -(10**9)], 0),
    ("round", [2.5, 10**9], 2.5),
    ("sorted", [[3, 1, 2]], [1, 2, 3]),
    ("split", ["a,b", ","], ["a", "b"]),
    ("starts_with", ["cat", "ca"], True),
    ("str", [{"a": [1, True]}], '{"a":[1,true]}'),
    ("str", ["a"], "a"),
    ("strip", [" a "], "a"),
    ("sum", [[1, 2.5]], 3.5),
    ("upper", ["a"], "A"),
    ("values", [{"a": 1}], [1]),
    ("values", [[]], []),
]
UNFIT = [
    *(("int", ["x"]), ("int", [True]), ("int", [None]), ("float", [[]]), ("abs", ["x"]), ("len", [1]), ("lower", [1])),
    *(("sum", [1]), ("sum", [["a"]]), ("join", ["ab", ","]), ("split", ["ab", ""]), ("replace", ["ab", "", "c"])),
    *(("parse_json", ["{"]), ("parse_json", [1]), ("parse_json", ["[" * 10_000]), ("range", [-1]), ("range", [10_001])),
    *(("replace", [LONG, "x", "yy"]), ("join", [[LONG, LONG]]), ("str", [[LONG]]), ("json", [LONG]), ("now", [])),
]


def test_each_function_is_tried():
    assert {name for name, *_ in VALUES} | {"now"} == set(FUNCTIONS)


@pytest.mark.parametrize(("name", "given", "result"), VALUES)
def test_a_function_gives_its_result(name, given, result):
    assert FUNCTIONS[name](*given) == result


@pytest.mark.parametrize(("name", "given"), UNFIT, ids=lambda each: str(each)[:20])
def test_a_value_that_does_not_fit_is_refused(name, given):
    with pytest.raises(ValueUnfit):
        FUNCTIONS[name](*given)
