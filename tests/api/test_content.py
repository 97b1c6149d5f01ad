"""NUL characters and deep nesting are found wherever they hide, and nothing else is taken for them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.api import content

TEXT = st.text(alphabet='[]{}"\\a\0', max_size=6) | st.sampled_from(["\\u0000", "\\\\u0000", "[" * 70])


def nested(depth: int, inner: object = 0) -> object:
    for level in range(depth):
        inner = [inner] if level % 2 else {"a": inner}
    return inner


JSON = st.recursive(
    TEXT | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
DEEP = st.tuples(st.integers(55, 70), JSON).map(lambda made: nested(*made))


@given(st.lists(JSON | DEEP, max_size=3))
def test_a_fault_is_found_exactly_where_a_walk_finds_one(value: object) -> None:
    seen = list(content.walk(value, ""))
    deep = any(depth > content.MAX_DEPTH for _, depth, _ in seen)
    nul = any("\0" in text for _, _, text in seen)
    body = msgspec.json.encode(value)
    fault = content.find_fault(body, "")
    assert (fault is not None) == (deep or nul)
    assert fault is None or deep or fault.code == "nul_character"
    assert fault is None or nul or fault.code == "too_deep"
    assert content.is_shallow(body) == (not deep)


@pytest.mark.parametrize("kind", ["[]", "{}"])
def test_the_limit_itself_is_taken(kind: str) -> None:
    opening, closing = (kind[0], kind[1]) if kind == "[]" else ('{"a":', "}")
    for depth in (content.MAX_DEPTH, content.MAX_DEPTH + 1):
        body = (opening * depth + "0" + closing * depth).encode()
        assert (content.find_fault(body, "") is None) == (depth == content.MAX_DEPTH)


def test_a_large_flat_body_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "walk", None)
    body = msgspec.json.encode([{"tags": ["a", "[[["], "text": "\\u0000"} for _ in range(10_000)])
    assert content.find_fault(body, "") is None


def test_a_fault_is_told_with_its_pointer() -> None:
    fault = content.find_fault(rb'{"a/b":["x","y\u0000"]}', "/triggers/2")
    assert fault is not None
    assert (fault.code, fault.pointer) == ("nul_character", "/triggers/2/a~1b/1")
