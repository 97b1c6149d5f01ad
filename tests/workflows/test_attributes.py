"""Tags and metadata under change: what is kept, what is refused, and that nothing else is touched."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows import attributes
from workflows.attributes import (
    Append,
    Attributes,
    ChangeMetadata,
    ChangeTags,
    Delete,
    Increment,
    LimitExceeded,
    OperationInvalid,
    Set,
    VersionConflict,
)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def operate(metadata: bytes, *operations, most=10_000, expected=None, version=0):
    change = ChangeMetadata(operations, most, expected)
    return attributes.merge(Attributes(("t",), metadata, version), change)


def retag(tags, add=(), remove=()):
    return attributes.merge(Attributes(tuple(tags)), ChangeTags(tuple(add), tuple(remove)))


def test_tags_are_added_at_the_end_once_and_taken_away():
    assert retag("abc", add="bdd", remove="ax").tags == ("b", "c", "d")
    assert retag("ab", add="a", remove="a").tags == ("b", "a")
    assert retag("ab").tags == ("a", "b")


def test_the_tenth_tag_is_the_last_after_both_were_done():
    ten = "abcdefghij"
    assert retag(ten, add="k") == LimitExceeded("tags", 10)
    assert retag(ten, add="k", remove="a").tags == tuple("bcdefghijk")
    assert retag(ten, add="a").tags == tuple(ten)


def test_operations_are_done_in_order():
    merged = operate(b'{"n":1}', Increment("n", 2), Set("m", [1]), Append("m", {}), Delete("gone"), Append("new", 1))
    assert (merged.metadata, merged.version, merged.tags) == (b'{"n":3,"m":[1,{}],"new":[1]}', 1, ("t",))
    assert operate(b'{"n":1}', Delete("n"), Increment("n")).metadata == b'{"n":1}'


@given(st.dictionaries(st.text(), values, max_size=5), values)
def test_members_that_no_operation_names_stay_byte_for_byte(members, value):
    before = msgspec.json.encode(members | {"named": None})
    merged = operate(before, Set("named", value), most=10**6)
    kept, was = (msgspec.json.decode(each, type=dict[str, msgspec.Raw]) for each in (merged.metadata, before))
    assert list(kept) == list(was)
    assert {name: bytes(kept[name]) for name in was if name != "named"} == {
        name: bytes(was[name]) for name in was if name != "named"
    }
    assert bytes(kept["named"]) == msgspec.json.encode(value)


def test_empty_lists_numbers_and_order_survive():
    before = b'{"z":[],"o":{},"n":1.50,"big":12345678901234567890123,"e":1E2,"l":[1.0,[],{"b":1,"a":2}]}'
    assert operate(before, Append("l", [])).metadata == before.replace(b'"a":2}]', b'"a":2},[]]')


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (Increment("text"), "not a number"),
        (Increment("yes"), "not a number"),
        (Increment("most"), "64 bits"),
        (Increment("large", 1e308), "finite"),
        (Append("text", 1), "not a list"),
    ],
)
def test_what_can_not_be_done_is_named_and_nothing_is(operation, message):
    before = b'{"text":"1","yes":true,"most":9223372036854775807,"large":1.7e308}'
    outcome = operate(before, Set("other", 1), operation)
    assert isinstance(outcome, OperationInvalid)
    assert (outcome.index, message in outcome.message) == (1, True)


def test_a_version_is_held_against_the_metadatas_own():
    assert operate(b"{}", Set("a", 1), expected=3, version=4) == VersionConflict(3, 4)
    assert operate(b"{}", Set("a", 1), expected=0, version=4) == VersionConflict(0, 4)
    assert operate(b"{}", Set("a", 1), expected=4, version=4).version == 5
    assert retag("a", add="b").version == 0


def test_metadata_has_a_size():
    assert operate(b"{}", Set("a", "x" * 10), most=18).metadata == b'{"a":"xxxxxxxxxx"}'
    assert operate(b"{}", Set("a", "x" * 11), most=18) == LimitExceeded("metadata", 18)
