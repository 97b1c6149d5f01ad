"""Definitions in the admin: the list, what an operator sets, and the versions."""

import pytest

from tests import people, tenants
from tests.workflows.declarative.documents import act, document
from workflows.admin import definition
from workflows.intake import definitions
from workflows.intake.rollout import Actor
from workflows.models import Definition, DefinitionChange

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("actions")]
LIST = "/admin/workflows/definition/"
LETTERS = document(("a", act(arguments={"to": "{{ payload.name }}"})))


def line(slug: str) -> definition.Line:
    return next(each for each in definition.list_definitions() if each.slug == slug)


def save(body, reason="a test"):
    return definitions.save("letters", document=body, actor=Actor("ada"), reason=reason)


def test_what_the_code_registers_is_listed_with_the_defaults() -> None:
    assert tenants.greet is not None
    assert line("greet") == definition.Line("greet", "code", 1, active=True, shard_by="instance", limit="", why=None)
    page = people.oscar().get(LIST).content.decode()
    assert f"{LIST}greet/set/" in page
    assert f"{LIST}greet/edit/" not in page


def test_a_row_without_code_is_listed_as_unregistered() -> None:
    Definition(slug="forgotten").save()
    assert (line("forgotten").state, line("forgotten").version) == ("unregistered", None)
    assert ">unregistered<" in people.vera().get(LIST).content.decode()


def test_an_operator_sets_a_definition_with_a_reason_that_is_kept() -> None:
    client = people.oscar()
    address = f"{LIST}greet/set/"
    off = {"shard_by": "instance", "limit": 0, "window_ms": 1000, "reason": "it misbehaves"}
    assert client.post(address, off).status_code == 302
    assert (line("greet").state, line("greet").limit) == ("off", "")
    on = {"active": "on", "shard_by": "definition", "limit": 5, "window_ms": 250, "reason": "mended"}
    client.post(address, on)
    assert (line("greet").state, line("greet").shard_by, line("greet").limit) == ("active", "definition", "5 in 250 ms")
    latest = DefinitionChange.objects.first()
    assert (latest.slug, latest.actor_name, latest.reason) == ("greet", "oscar", "mended")
    assert client.post(address, on | {"reason": ""}).status_code == 422
    assert client.post(address, on | {"window_ms": 0}).status_code == 422
    assert client.get(f"{LIST}nobody/set/").status_code == 404


def test_one_whose_action_is_disabled_is_marked_with_the_reason(actions) -> None:
    save(LETTERS)
    actions.switch("echo", "its provider is down")
    assert (line("letters").state, line("letters").kind) == ("unrunnable", "declared")
    client = people.vera()
    for address in (LIST, f"{LIST}letters/versions/"):
        shown = client.get(address).content.decode()
        assert ">unrunnable<" in shown
        assert "its provider is down" in shown


def test_versions_are_shown_with_their_document_and_what_each_changed() -> None:
    save(LETTERS, "the first")
    save({**LETTERS, "title": "Letters"}, "a title")
    client = people.vera()
    latest = client.get(f"{LIST}letters/versions/").content.decode()
    assert "version 2, the latest" in latest
    assert "+  &quot;title&quot;: &quot;Letters&quot;" in latest
    assert all(reason in latest for reason in ("the first", "a title", "version 1 → 2"))
    first = client.get(f"{LIST}letters/versions/?version=1").content.decode()
    assert "Against version" not in first
    assert "There is no such version" in client.get(f"{LIST}letters/versions/?version=7").content.decode()
    assert "registered in code" in client.get(f"{LIST}greet/versions/").content.decode()


def test_the_form_of_the_row_itself_is_not_to_be_had() -> None:
    assert people.oscar().get(f"{LIST}add/").url == LIST


def test_a_viewer_sees_the_verbs_disabled_and_who_is_in_no_group_nothing() -> None:
    client = people.vera()
    assert "Needs the permission to add and change definitions" in client.get(LIST).content.decode()
    assert client.get(f"{LIST}greet/set/").status_code == 403
    assert people.nora().get(LIST).status_code == 403
