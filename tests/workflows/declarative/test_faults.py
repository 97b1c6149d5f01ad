"""Places in a document."""

from workflows.declarative.faults import Fault, at


def test_a_place_is_a_json_pointer():
    assert at("/steps", "a/b", "c~d", 0) == "/steps/a~1b/c~0d/0"


def test_faults_are_sorted_by_place():
    assert sorted([Fault("/b", "x"), Fault("/a", "y")]) == [Fault("/a", "y"), Fault("/b", "x")]
