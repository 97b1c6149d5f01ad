"""Names of events, and patterns over them."""

import pytest

from workflows import matching


@pytest.mark.parametrize(
    ("pattern", "type_", "wanted"),
    [
        ("order.created", "order.created", True),
        ("order.created", "order.created.late", False),
        ("order.*", "order.created", True),
        ("order.*", "order.created.late", True),
        ("order.*", "order", False),
        ("order.*", "orders.created", False),
        ("order.created.*", "order.created", False),
    ],
)
def test_a_pattern_is_a_type_or_a_prefix(pattern, type_, wanted):
    assert matching.PATTERN.fullmatch(pattern)
    assert matching.matches(pattern, matching.names_of(type_, b"{}")) is wanted


@pytest.mark.parametrize("pattern", ["", "*", ".*", "order.", "order*", "order.*.created", "order..x", "a b", "é"])
def test_what_is_no_pattern_is_refused(pattern):
    assert matching.PATTERN.fullmatch(pattern) is None


def test_the_end_of_an_instance_can_be_named_by_its_status():
    assert matching.names_of(matching.TERMINAL, b'{"status":"failed"}') == (
        matching.TERMINAL,
        f"{matching.TERMINAL}.failed",
    )
    assert matching.names_of(matching.TERMINAL, b"[]") == (matching.TERMINAL,)
    assert matching.names_of("order.created", b'{"status":"failed"}') == ("order.created",)


@pytest.mark.parametrize(("text", "wanted"), [("a.b-c_d", True), ("a.*", False), ("a" * 100, True), ("a" * 101, False)])
def test_a_type_is_words_joined_by_dots(text, wanted):
    assert matching.is_type(text) is wanted
