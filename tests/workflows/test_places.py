"""What is known of where an instance that has a row stands."""

from dataclasses import replace
from uuid import uuid4

import pytest

from tests.workflows.making import identity_of, make_instance, row
from workflows import places
from workflows.lineage import Lineage, root

pytestmark = pytest.mark.django_db


def test_the_places_of_many_come_with_the_definitions_above_them_and_their_own():
    first = make_instance("a")
    second = make_instance("b", root_id=first, parent_id=first, depth=1, chain=["a"])
    found = places.of_instances([first, second, uuid4()])
    assert found == {first: root(first, "a"), second: Lineage(second, first, first, 1, ("a", "b"))}


def test_a_place_is_found_in_its_own_environment_only():
    made = make_instance("a")
    assert places.in_env(made, row(made).env_id) == root(made, "a")
    assert places.in_env(made, uuid4()) is None


def test_what_runs_stands_where_its_row_says_else_where_its_identity_does():
    made = make_instance("a", root_id=uuid4(), depth=2, chain=["x", "y"])
    identity = identity_of(made, "a")
    assert places.of_running(identity).chain == ("x", "y", "a")
    gone = replace(identity, id=uuid4(), depth=4)
    assert places.of_running(gone) == places.told_by(gone) == Lineage(gone.id, made, None, 4, ("a",))
