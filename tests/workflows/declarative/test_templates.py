"""Holes in texts, filled."""

import pytest

from workflows.declarative import expressions, templates
from workflows.declarative.expressions import ExpressionFailed, ExpressionInvalid

NAMES = {"a": 1, "b": [True, None], "c": "x" * 60_000, "d": "two\nlines"}


def render(value):
    return templates.render(value, lambda text: expressions.evaluate(text, NAMES))


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ a }}", 1),
        (" {{a}}\n", 1),
        ("{{ b }}", [True, None]),
        ("a is {{ a }}, b {{ b }}", "a is 1, b [true,null]"),
        ("{{ a }}{{ a }}", "11"),
        ("{{ '{{' }}", "{{"),
        ("{{ 'a' +\n 'b' }}", "ab"),
        ("{{ d }}", "two\nlines"),
        ("no hole }}", "no hole }}"),
        ({"x": ["{{ a }}", 5, None], "y": {"$secret": "{{ a }}"}}, {"x": [1, 5, None], "y": {"$secret": "{{ a }}"}}),
    ],
)
def test_a_text_that_is_one_hole_becomes_the_value_and_any_other_stays_a_text(template, value):
    assert render(template) == value


def test_a_text_that_grows_too_long_or_nests_too_deep_is_refused():
    with pytest.raises(ExpressionFailed, match="longer"):
        render("{{ c }}{{ c }}")
    deep = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(ExpressionInvalid, match="deeper"):
        render(deep)


def test_expressions_are_found_with_their_places():
    value = {"x": ["{{ a }} {{ b }}"], "y/z": "{{ c }}", "s": {"$secret": "{{ d }}"}, "n": 1}
    assert sorted(templates.expressions_in(value, "/at")) == [("/at/x/0", "a"), ("/at/x/0", "b"), ("/at/y~1z", "c")]


def test_braces_around_an_expression_are_taken_off():
    assert (templates.bare("{{ a > 1 }}"), templates.bare("a > 1")) == ("a > 1", "a > 1")
