"""Where instances stand, and how far a chain may go."""

from uuid import uuid4

import pytest

from workflows import lineage
from workflows.lineage import Lineage, Loop, Looping, TooDeep

A, B, C = uuid4(), uuid4(), uuid4()


def test_a_root_stands_alone():
    assert lineage.root(A, "a") == Lineage(A, A, None, 0, ("a",))
    assert lineage.place(None, A, "a", limit=0) == lineage.root(A, "a")


def test_a_child_is_one_deeper_under_the_same_root_with_its_definition_on_the_chain():
    child = lineage.child_of(lineage.root(A, "a"), B, "b", 10)
    assert child == Lineage(B, A, A, 1, ("a", "b"))
    assert lineage.child_of(child, C, "a", 10) == Lineage(C, A, B, 2, ("a", "b", "a"))


def test_a_chain_ends_at_the_limit():
    place = lineage.root(A, "a")
    for depth in range(1, 11):
        place = lineage.child_of(place, uuid4(), "a", 10)
        assert place.depth == depth
    assert lineage.child_of(place, uuid4(), "a", 10) == TooDeep(11, 10)


@pytest.mark.parametrize("loop", [Loop.AVOID_LOOP, Loop.IGNORE])
def test_a_definition_on_its_own_chain_has_no_place_unless_all_is_allowed(loop):
    parent = lineage.child_of(lineage.root(A, "a"), B, "b", 10)
    assert lineage.place(parent, C, "a", limit=10, loop=loop) == Looping(("a", "b", "a"))
    assert isinstance(lineage.place(parent, C, "a", limit=10), Lineage)
    assert isinstance(lineage.place(parent, C, "c", limit=10, loop=loop), Lineage)


def test_headers_tell_the_receiver_where_the_sender_stands():
    sender = lineage.child_of(lineage.root(A, "a"), B, "b", 10)
    heard = lineage.from_headers(lineage.to_headers(sender))
    assert heard == Lineage(B, A, None, 1, ("a", "b"))
    assert lineage.child_of(heard, C, "c", 10) == lineage.child_of(sender, C, "c", 10)


def test_headers_tell_of_a_chain_only_where_one_is_known_and_of_its_end_where_it_is_long():
    assert lineage.CHAIN not in lineage.to_headers(Lineage(A, A))
    long = Lineage(A, B, None, 99, tuple(f"d{number}" for number in range(100)))
    heard = lineage.from_headers(lineage.to_headers(long))
    assert (heard.depth, heard.chain) == (99, long.chain[-lineage.MAX_CHAIN :])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {lineage.ROOT: str(A)},
        {lineage.PARENT: "nobody"},
        {lineage.PARENT: str(A), lineage.DEPTH: "deep"},
        {lineage.PARENT: str(A), lineage.DEPTH: "-1"},
        {lineage.PARENT: str(A), lineage.DEPTH: "1001"},
        {lineage.PARENT: str(A), lineage.ROOT: "none"},
    ],
)
def test_headers_that_can_not_be_read_say_nothing(headers):
    assert lineage.from_headers(headers) is None


def test_a_chain_that_is_longer_than_the_depth_said_is_believed():
    sent = {lineage.PARENT: str(A), lineage.DEPTH: "0", lineage.CHAIN: "a, b,c"}
    assert lineage.from_headers(sent) == Lineage(A, A, None, 2, ("a", "b", "c"))
