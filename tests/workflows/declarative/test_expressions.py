"""What expressions can say, and everything that they can't."""

import pytest

from workflows.declarative import expressions
from workflows.declarative.expressions import ExpressionFailed, ExpressionInvalid, Purse

NAMES = {
    "payload": {"items": [{"id": n} for n in range(1000)], "keys": 3, "text": "x" * 90_000, "name": "Ada"},
    "steps": {"a": {"$blob": "ab", "size": 3}},
}

VALUES = {
    "1 + 2 * 3": 7,
    "7 // 2 + 7 % 4": 6,
    "-3 < 2 <= 2": True,
    "3 > 2 > 2": False,
    "not true or false": False,
    "null == None": True,
    "payload.items[3].id == 3 and payload.name == 'Ada'": True,
    "payload['items'][-1]['id']": 999,
    "payload.items[1:3]": [{"id": 1}, {"id": 2}],
    "payload.keys": 3,
    "[x.id for x in payload.items if x.id > 997]": [998, 999],
    "'a' in 'cat' and 5 not in [1, 2]": True,
    "'yes' if payload.keys == 3 else 'no'": "yes",
    "{'a': payload.name, 'b': [1] + [2]}": {"a": "Ada", "b": [1, 2]},
    "'Hello ' + payload.name": "Hello Ada",
    "now()": "2030",
}


@pytest.mark.parametrize("text", VALUES)
def test_an_expression_gives_a_json_value(text):
    assert expressions.evaluate(text, NAMES, lambda: "2030") == VALUES[text]


@pytest.mark.parametrize(
    "text",
    [
        *("", "1 +", "x = 1", "1; 2", "x := 1", "import os", "lambda: 1", "f'{payload}'", "9 ** 9", "1 << 9", "1 is 1"),
        *("__import__('os')", "open('x')", "eval('1')", "payload.items()", "'a'.upper()", "[].append(1)", "len(x=1)"),
        *("(x for x in [1])", "{x for x in [1]}", "{x: 1 for x in [1]}", "[*payload.items]", "{**payload}", "{1: 2}"),
        *("1j", "b'a'", "...", "(1, 2)", "[1 for a, b in payload.items]", "await x", "yield", "len(*[1])", "~1"),
        *("-" * 100 + "1", "(" * 300 + "1" + ")" * 300, "[" * 150, "1" * 1001, "1 if 2", "\0", "'\\ud800' + \x00"),
    ],
)
def test_what_is_no_expression_is_refused_before_it_is_evaluated(text):
    with pytest.raises(ExpressionInvalid):
        expressions.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        *("nobody", "payload.nobody", "payload[0]", "payload.items.id", "payload.name.first", "[1][5]", "null.a"),
        *(
            "payload.__class__",
            "payload.name.__class__",
            "(1).real",
            "''.join",
            "len",
            "len(len)",
            "payload.items.append",
        ),
        *("1 / 0", "1 // 0", "1 % 0", "'%1000000d' % 1", "'a' * 10", "'a' + 1", "'a' < 1", "true + 1", "1 in 5"),
        *("9000000000000000000 * 9", "1e308 * 10", "-9223372036854775807 - 9", "abs()", "round(1.5, 'x')", "1 + null"),
        *("payload.text + payload.text", "now()", "sorted([1, 'a'])", "min([])", "payload.items[1.5]"),
    ],
)
def test_what_does_not_fit_the_values_fails_and_shows_the_expression(text):
    with pytest.raises(ExpressionFailed) as failed:
        expressions.evaluate(text, NAMES)
    assert str(failed.value).startswith(f"`{text}`: ")


@pytest.mark.parametrize(
    "text",
    [
        "[payload.items == payload.items for x in range(9999)]",
        "[x for x in payload.items for y in payload.items]",
        "[payload.text[1:] for x in range(9999)]",
        "[payload.text == payload.text for x in range(9999)]",
        "[sorted(payload.items) for x in range(9999) if sum(range(9999)) > 1]",
        "[[str(payload) for x in range(9999)] for y in range(9999)]",
        "[replace(payload.text, 'x', 'y') for x in range(9999)]",
    ],
)
def test_what_costs_too_much_fails_instead_of_taking_its_time(text):
    purse = Purse()
    with pytest.raises(ExpressionFailed):
        expressions.evaluate(text, NAMES, purse=purse)
    assert purse.left > expressions.MAX_WORK_OF_INSTANCE - 2 * expressions.MAX_WORK


def test_all_expressions_of_an_instance_are_bounded_together():
    purse = Purse(1_000)
    while purse.left > 200:
        expressions.evaluate("[x for x in range(100)]", {}, purse=purse)
    with pytest.raises(ExpressionFailed, match="costs too much"):
        expressions.evaluate("[x for x in range(100)]", {}, purse=purse)


def test_the_value_in_blob_storage_is_told_apart_from_a_missing_member():
    assert expressions.evaluate("steps.a", NAMES) == {"$blob": "ab", "size": 3}
    with pytest.raises(ExpressionFailed, match="blob storage"):
        expressions.evaluate("steps.a.body", NAMES)


def test_the_variables_of_an_expression_are_named_with_their_first_member():
    named = expressions.names_in("steps.a.b + [x.id for x in payload['items']][0] + len(total) + loop[total] and true")
    assert sorted(named, key=str) == sorted(
        [("steps", "a"), ("payload", "items"), ("total", None), ("loop", None), ("total", None)], key=str
    )


def test_a_long_expression_is_shown_cut():
    assert expressions.shown("x" * 101) == "x" * 99 + "…"
