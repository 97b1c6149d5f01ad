"""Definitions over HTTP."""

import pytest

from tests.api.conftest import make_caller
from tests.workflows.declarative.documents import act, ask, document
from workflows.models import DefinitionChange

pytestmark = pytest.mark.usefixtures("actions")
LETTERS = document(("a", act(arguments={"to": "{{ payload.name }}"})))
BROKEN = document(("q", ask("payload.", "nowhere", "a")), ("a", act("dance")))


def make(caller, **fields):
    return caller.post("definitions", {"slug": "letters", "document": LETTERS, **fields})


def test_a_definition_is_made_and_its_triggers_are_taken(acme):
    made = make(acme, reason="a test")
    assert (made.status_code, made["ETag"]) == (201, '"1"')
    assert made.json()["definition"] == {
        "slug": "letters",
        "kind": "declared",
        "version": 1,
        "active": True,
        "shard_by": "instance",
        "limit": 0,
        "window_ms": 1000,
        "unrunnable": None,
    }
    assert made.json()["document"] == LETTERS
    started = acme.trigger("letters")
    assert (started.status_code, started.json()["version"]) == (201, 1)
    assert DefinitionChange.objects.get().actor_name.startswith("api key ")


def test_each_fault_of_a_document_is_told_with_its_pointer(acme):
    refused = make(acme, document=BROKEN)
    assert (refused.status_code, refused.json()["code"]) == (422, "definition_invalid")
    faults = refused.json()["errors"]
    assert [fault["pointer"] for fault in faults] == [
        "/document/steps/a/action",
        "/document/steps/q/expression",
        "/document/steps/q/next/true",
    ]
    assert refused.json()["pointer"] == faults[0]["pointer"]
    assert all(fault["detail"] for fault in faults)
    assert acme.get("definitions/letters").status_code == 404


@pytest.mark.parametrize("wrong", [None, [], "text", 7, {}])
def test_what_is_no_document_is_refused_and_not_an_error(acme, wrong):
    make(acme)
    for answer in (make(acme, slug="other", document=wrong), acme.patch("definitions/letters", {"document": wrong})):
        assert (answer.status_code, answer.json()["code"]) == (422, "definition_invalid")
        assert answer.json()["pointer"].startswith("/document")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"slug": "a b"}, 422, "slug_invalid"),
        ({"slug": "greet"}, 409, "slug_taken"),
        ({"slug": ""}, 400, "invalid_field"),
        ({"colour": 1}, 400, "unknown_field"),
        ({"limit": -1}, 400, "invalid_field"),
        ({"shard_by": "moon"}, 400, "invalid_field"),
    ],
)
def test_what_does_not_fit_is_refused(acme, fields, status, code):
    refused = make(acme, **fields)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


def test_a_definition_is_made_once(acme):
    make(acme)
    again = make(acme)
    assert (again.status_code, again.json()["code"]) == (409, "definition_exists")


def test_a_change_is_another_version_made_from_the_one_that_was_read(acme):
    make(acme)
    changed = acme.patch("definitions/letters", {"document": {**LETTERS, "title": "x"}}, If_Match='"1"')
    assert (changed.status_code, changed["ETag"]) == (200, '"2"')
    late = acme.patch("definitions/letters", {"document": LETTERS}, If_Match='"1"')
    assert (late.status_code, late.json()["code"]) == (412, "version_conflict")
    assert acme.get("definitions/letters").json()["shown"]["version"] == 2
    first = acme.get("definitions/letters?version=1").json()
    assert (first["shown"]["version"], first["document"]) == (1, LETTERS)
    assert acme.get("definitions/letters?version=3").status_code == 404
    assert acme.patch("definitions/letters", {"document": BROKEN}).status_code == 422


def test_versions_are_listed_the_latest_first(acme):
    make(acme)
    for title in "ab":
        acme.patch("definitions/letters", {"document": {**LETTERS, "title": title}})
    page = acme.get("definitions/letters/versions?limit=2").json()
    assert ([each["version"] for each in page["data"]], page["next_cursor"]) == ([3, 2], 2)
    page = acme.get("definitions/letters/versions?limit=2&cursor=2").json()
    assert ([each["version"] for each in page["data"]], page["next_cursor"]) == ([1], None)
    assert acme.get("definitions/nobody/versions").status_code == 404


def test_a_definition_is_switched_off_without_a_new_version(acme):
    make(acme)
    changed = acme.patch("definitions/letters", {"active": False, "reason": "it misbehaves"})
    assert (changed.status_code, changed.json()["definition"]["active"]) == (200, False)
    assert changed.json()["definition"]["version"] == 1
    assert acme.trigger("letters").json()["code"] == "definition_inactive"
    assert acme.patch("definitions/nobody", {"active": False}).status_code == 404


def test_the_list_has_code_and_declared_ones_page_by_page(acme, actions):
    make(acme)
    actions.switch("echo", "its provider is down")
    seen, cursor = {}, ""
    while cursor is not None:
        page = acme.get(f"definitions?limit=1&cursor={cursor}").json()
        seen |= {each["slug"]: each for each in page["data"]}
        cursor = page["next_cursor"]
    assert list(seen) == sorted(seen)
    assert (seen["greet"]["kind"], seen["letters"]["kind"]) == ("code", "declared")
    assert seen["letters"]["unrunnable"] == "the action 'echo' is disabled (its provider is down)"
    refused = acme.trigger("letters")
    assert (refused.status_code, refused.json()["code"], refused.json()["pointer"]) == (422, "preflight", "/definition")


def test_a_workflow_in_code_has_no_document_and_takes_none(acme):
    shown = acme.get("definitions/greet").json()
    assert (shown["definition"]["kind"], shown["shown"], shown["document"]) == ("code", None, None)
    assert acme.patch("definitions/greet", {"document": LETTERS}).status_code == 409


def test_documents_are_for_keys_that_may_write_them(db):
    shop = make_caller(scopes=["trigger:write"])
    assert shop.get("definitions").status_code == 200
    for answer in (make(shop), shop.get("definitions/greet"), shop.patch("definitions/greet", {"active": False})):
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
