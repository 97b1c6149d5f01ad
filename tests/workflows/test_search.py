"""What people type is read, written again alike, and refused with the word and the fix."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows import search
from workflows.search import Filter, SearchInvalid, Term

ID = UUID("0198a1c2-0000-7000-8000-000000000001")


def test_every_qualifier_is_read() -> None:
    text = (
        f"org:acme env:acme/production definition:checkout status:failed tag:vip shard:3 source:api event:a.b id:{ID}"
    )
    assert [(term.qualifier, term.values) for term in search.parse(text).terms] == [
        ("org", ("acme",)),
        ("env", ("acme/production",)),
        ("definition", ("checkout",)),
        ("status", ("failed",)),
        ("tag", ("vip",)),
        ("shard", (3,)),
        ("source", ("api",)),
        ("event", ("a.b",)),
        ("id", (ID,)),
    ]


def test_times_are_compared() -> None:
    terms = search.parse("age>5m age<1h created>2026-01-01 created<=2026-01-31T12:00+02:00").terms
    assert [(term.sign, *term.values) for term in terms] == [
        (">", timedelta(minutes=5)),
        ("<", timedelta(hours=1)),
        (">", datetime(2026, 1, 1, tzinfo=UTC)),
        ("<=", datetime(2026, 1, 31, 10, tzinfo=UTC)),
    ]


def test_a_minus_excludes_and_commas_offer_a_choice() -> None:
    assert search.parse("-status:failed,cancelled -vip").terms == (
        Term("status", ("failed", "cancelled"), excluded=True),
        Term("tag", ("vip",), excluded=True),
    )


def test_a_word_alone_is_a_tag_or_an_id() -> None:
    assert search.parse(f"vip {ID}").terms == (Term("tag", ("vip",)), Term("id", (ID,)))


def test_quotes_keep_a_value_together() -> None:
    assert search.parse('tag:"two words" "order:1,2" tag:"say \\"hi\\""').terms == (
        Term("tag", ("two words",)),
        Term("tag", ("order:1,2",)),
        Term("tag", ('say "hi"',)),
    )


def test_nothing_is_an_empty_filter() -> None:
    assert not search.parse("  \t ")
    assert search.parse("vip")


@pytest.mark.parametrize(
    ("text", "word", "fix"),
    [
        ("stauts:failed", "stauts:failed", "write status:"),
        ("order:1", "order:1", 'or quote a tag: "order:1"'),
        ("zzz:1", "zzz:1", "there are org, env"),
        ("status:fialed", "status:fialed", "failed"),
        ("vip age:5m", "age:5m", "write age>5m"),
        ("age>5", "age>5", "like age>5m"),
        ("age>999999w", "age>999999w", "like age>30d"),
        ("age>5m,6m", "age>5m,6m", "write age>5m"),
        ("created>yesterday", "created>yesterday", "created>2026-01-31"),
        ("created>0001-01-01T00:00+10:00", "created>0001-01-01T00:00+10:00", "created>2026-01-31"),
        ("org>acme", "org>acme", "write org:acme"),
        ("shard:one", "shard:one", "shard:0"),
        ("shard:99999", "shard:99999", "shard:0"),
        ("id:123", "id:123", "36 characters"),
        ("org:", "org:", "behind org:"),
        ("-", "-", "take the word away"),
        ('tag:""', 'tag:""', "take the word away"),
        ('tag:"open', 'tag:"open', 'close it with another "'),
        ("a\0b", "'a\\x00b'", "type it again"),
        ("\ud800", "'\\ud800'", "type it again"),
        ("tag:" + "x" * 256, "tag:" + "x" * 36 + "…", "shorten it"),
        ("x" * 1001, "x" * 20 + "…", "ask for less"),
        (" ".join(["a"] * 21), "a", "join values with commas"),
        ("tag:" + ",".join("abc"[each % 3] for each in range(51)), None, "ask for less"),
    ],
)
def test_a_fault_names_the_word_and_the_fix(text: str, word: str | None, fix: str) -> None:
    with pytest.raises(SearchInvalid) as caught:
        search.parse(text)
    assert word is None or caught.value.word == word
    assert fix in caught.value.fix


def test_what_could_not_be_read_again_as_it_is_written_is_refused() -> None:
    tags = "tag:" + ",".join(f"{number:02}@example.test.xy" for number in range(50))
    with pytest.raises(SearchInvalid, match="with its quotes"):
        search.parse(tags)
    with pytest.raises(SearchInvalid, match="with its quotes"):
        search.compose(tags[:900], definition="d" * 100)


def test_what_was_chosen_stands_beside_what_was_typed() -> None:
    made = search.compose("vip status:failed", status="failed", definition="two words", env=None)
    assert str(made) == 'tag:vip status:failed definition:"two words"'


def test_ages_and_times_are_written_as_people_would() -> None:
    for text in ("age>5m", "age<90m", "age>300d", "age<90s", "created>2026-01-31", "created<=2026-01-31T12:00:00Z"):
        assert str(search.parse(text)) == text
    assert search.parse(str(search.parse("age<1234.005h"))) == search.parse("age<1234.005h")
    assert str(search.parse("age<1.5h age<0.125s age<0.001w")) == "age<90m age<0.125s age<604.800s"


def test_the_statuses_that_can_hold() -> None:
    assert search.parse("status:failed,running -status:running").statuses == {"failed"}
    assert search.parse("vip").statuses == set(search.STATUSES)
    assert search.parse("status:failed status:running").statuses == frozenset()


def test_terms_are_taken_by_qualifier() -> None:
    found = search.parse("org:a vip -org:b")
    assert [str(term) for term in found.of("org")] == ["org:a", "-org:b"]
    assert str(found.without("org")) == "tag:vip"
    assert found.qualifiers == {"org", "tag"}


VALUES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=20)
AGES = st.builds(
    lambda number, unit: timedelta(**{unit: number}),
    st.integers(0, 3_000),
    st.sampled_from(["seconds", "hours"]),
)
TERMS = st.one_of(
    st.builds(Term, st.sampled_from(["org", "env", "definition", "source", "event"]), st.tuples(VALUES), st.booleans()),
    st.builds(Term, st.just("status"), st.tuples(st.sampled_from(search.STATUSES)), st.booleans()),
    st.builds(Term, st.just("shard"), st.tuples(st.integers(0, 32_767)), st.booleans()),
    st.builds(Term, st.just("id"), st.tuples(st.uuids()), st.booleans()),
    st.builds(Term, st.just("tag"), st.tuples(VALUES, VALUES), st.booleans()),
    st.builds(
        Term,
        st.just("age"),
        st.tuples(AGES),
        st.booleans(),
        st.sampled_from("<>"),
    ),
    st.builds(
        Term,
        st.just("created"),
        st.tuples(st.datetimes(timezones=st.just(UTC))),
        st.booleans(),
        st.sampled_from([">", "<", ">=", "<="]),
    ),
)


@given(st.lists(TERMS, max_size=8).map(tuple))
def test_a_filter_is_read_again_as_it_was_written(terms: tuple[Term, ...]) -> None:
    written = str(Filter(terms))
    if len(written) <= search.MAX_TEXT:
        assert search.parse(written).terms == terms


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(SearchInvalid):
        found = search.parse(text)
        assert search.parse(str(found)) == found
