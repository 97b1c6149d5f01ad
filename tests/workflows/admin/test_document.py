"""A document as operators edit it."""

import pytest

from tests.workflows.declarative.documents import act, document
from workflows.admin import document as edited
from workflows.admin.document import Line, NotJson

pytestmark = pytest.mark.usefixtures("actions")
LETTERS = document(("a", act()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,\n "b" 2}', "Line 2, column 6"),
        ('{"steps": {"a": 1, "a": 2}}', "'a' is there twice"),
        ('{"a": NaN}', "NaN"),
        ("[" * 100_000, "too deep"),
        ("", "Line 1"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(text, said):
    with pytest.raises(NotJson, match=said):
        edited.read(text)
    assert edited.faults(text)[0].path == ""
    assert edited.changes(LETTERS, text) == []


def test_faults_stand_at_their_places_in_the_document():
    broken = edited.lay_out(document(("a", act("dance"))))
    assert [fault.path for fault in edited.faults(broken)] == ["/steps/a/action"]
    assert edited.faults(edited.lay_out(LETTERS)) == []


def test_a_difference_shows_what_is_added_and_removed():
    lines = edited.changes({**LETTERS, "title": "One"}, edited.lay_out({**LETTERS, "title": "Two"}))
    assert Line("removed", '-  "title": "One"') in lines
    assert Line("added", '+  "title": "Two"') in lines
    assert edited.changes(LETTERS, edited.lay_out(LETTERS)) == []


def test_without_a_former_version_all_of_it_is_new_and_a_long_one_is_cut():
    lines = edited.difference(None, LETTERS)
    assert {line.tone for line in lines} == {"place", "added"}
    long = edited.difference(None, {"list": list(range(1_000))})
    assert (len(long), long[-1].tone) == (edited.MOST_LINES + 1, "place")
