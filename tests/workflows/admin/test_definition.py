"""Definitions in the admin."""

import pytest

from tests import people, tenants
from workflows.admin import definition
from workflows.models import Definition

pytestmark = pytest.mark.django_db
LIST = "/admin/workflows/definition/"


def line(slug: str) -> definition.Line:
    return next(each for each in definition.list_definitions() if each.slug == slug)


def test_what_the_code_registers_is_listed_with_the_defaults() -> None:
    assert tenants.greet is not None
    assert line("greet") == definition.Line("greet", 1, active=True, shard_by="instance", limit="", set_here=False)
    page = people.oscar().get(LIST).content.decode()
    assert f"{LIST}add/?slug=greet" in page


def test_a_row_without_code_is_listed_as_unregistered() -> None:
    Definition(slug="forgotten").save()
    assert (line("forgotten").state, line("forgotten").version) == ("unregistered", None)
    assert ">unregistered<" in people.vera().get(LIST).content.decode()


def test_an_operator_switches_a_definition_off() -> None:
    client = people.oscar()
    client.post(f"{LIST}add/", {"slug": "greet", "shard_by": "instance", "limit": 0, "window_ms": 1000})
    assert (line("greet").state, line("greet").limit) == ("off", "")
    set_to = {"active": "on", "shard_by": "definition", "limit": 5, "window_ms": 250}
    client.post(f"{LIST}greet/change/", set_to)
    assert (line("greet").state, line("greet").shard_by) == ("active", "definition")
    assert line("greet").limit == "5 in 250 ms"


def test_a_viewer_sees_the_verb_disabled_and_who_is_in_no_group_nothing() -> None:
    assert "Needs the permission to add and change definitions" in people.vera().get(LIST).content.decode()
    assert people.nora().get(LIST).status_code == 403
