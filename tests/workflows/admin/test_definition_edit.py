"""The editor of definitions."""

import json

import pytest

from tests import people
from tests.workflows.declarative.documents import act, document
from workflows.admin.document import lay_out
from workflows.intake import definitions
from workflows.intake.rollout import Actor
from workflows.models import DefinitionVersion

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("actions")]
HERE = "/admin/workflows/definition/"
LETTERS = document(("a", act()))


def sent(body, **fields):
    text = body if isinstance(body, str) else lay_out(body)
    return {"version": 0, "slug": "letters", "document": text, "reason": "a test", **fields}


def test_an_operator_declares_a_definition_and_edits_it() -> None:
    client = people.oscar()
    example = client.get(f"{HERE}new/").content.decode()
    assert "set_variables" in example
    made = client.post(f"{HERE}new/", sent(LETTERS))
    assert made.url == f"{HERE}letters/versions/"
    page = client.get(f"{HERE}letters/edit/").content.decode()
    assert "made from version 1" in page
    assert "&quot;action&quot;: &quot;echo&quot;" in page
    client.post(f"{HERE}letters/edit/", sent({**LETTERS, "title": "Letters"}, version=1))
    latest = definitions.version("letters")
    assert (latest.number, latest.by, latest.document["title"]) == (2, "oscar", "Letters")


def test_the_example_that_a_new_one_starts_from_is_sound() -> None:
    client = people.oscar()
    text = client.get(f"{HERE}new/").context["form"]["document"].value()
    assert client.post(f"{HERE}new/", sent(text)).status_code == 302


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (document(("a", act("dance"))), "/steps/a/action"),
        ("{", "Line 1"),
        ('{"steps": {"a": 1, "a": 2}}', "is there twice"),
    ],
)
def test_a_faulty_text_is_shown_again_with_the_place_of_each_fault(body, said) -> None:
    refused = people.oscar().post(f"{HERE}new/", sent(body))
    assert refused.status_code == 422
    assert said in refused.content.decode()
    assert not DefinitionVersion.objects.exists()


def test_the_check_button_saves_nothing_and_needs_no_reason() -> None:
    checked = people.oscar().post(f"{HERE}new/", sent(LETTERS, check="1", reason=""))
    assert "No fault found." in checked.content.decode()
    assert not DefinitionVersion.objects.exists()


def test_while_it_is_written_it_is_judged_and_compared() -> None:
    client = people.oscar()
    client.post(f"{HERE}new/", sent(LETTERS))
    text = lay_out({**LETTERS, "title": 5})
    answer = client.post(f"{HERE}check/", {"document": text, "of": "letters"}).json()
    assert [fault["path"] for fault in answer["faults"]] == ["/title"]
    assert {"tone": "added", "text": '+  "title": 5'} in answer["changes"]
    assert client.post(f"{HERE}check/", {"document": json.dumps(LETTERS)}).json()["faults"] == []


def test_a_version_that_someone_else_saved_meanwhile_is_not_overwritten() -> None:
    client = people.oscar()
    client.post(f"{HERE}new/", sent(LETTERS))
    definitions.save("letters", document={**LETTERS, "title": "x"}, actor=Actor("ada"), reason="first")
    late = client.post(f"{HERE}letters/edit/", sent({**LETTERS, "title": "y"}, version=1))
    assert late.status_code == 422
    assert "is at version 2, not 1" in late.content.decode()
    taken = client.post(f"{HERE}new/", sent(LETTERS, slug="letters"))
    assert "already, at version 2" in taken.content.decode()


def test_only_who_may_change_definitions_gets_the_editor() -> None:
    client = people.vera()
    for address in ("new/", "check/"):
        assert client.get(f"{HERE}{address}").status_code == 403
    assert people.oscar().get(f"{HERE}nobody/edit/").status_code == 404
