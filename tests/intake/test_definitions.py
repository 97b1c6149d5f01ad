"""Definitions are saved as versions, changed with a reason, and described from memory."""

import threading

import pytest
from django.db import connection

from tests.exchanges import traced
from tests.tenants import greet
from tests.workflows.declarative.documents import act, ask, document
from workflows.intake import definitions, refresher
from workflows.intake.definitions import NEW, DefinitionRefused
from workflows.intake.rollout import Actor
from workflows.models import Definition, DefinitionChange, DefinitionVersion
from workflows.models.definition import VersionFixed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("actions")]
ADA = Actor("ada")
ONE = document(("b", act(to="a")), ("a", act()))
TWO = document(("m", {"type": "llm", "model": "m", "endpoint": "https://models.example", "prompt": "p"}))


def save(slug="letters", body=None, **options):
    return definitions.save(slug, document=body, actor=ADA, reason="a test", **options)


def refused(*args, **options):
    with pytest.raises(DefinitionRefused) as refusal:
        save(*args, **options)
    return refusal.value.code, [fault.path for fault in refusal.value.faults]


def test_each_save_is_another_version_and_the_former_ones_stay():
    assert save(body=ONE).version == 1
    assert save(body=TWO).version == 2
    row = Definition.objects.get()
    assert (row.declared_version, row.needs) == (2, ["llm"])
    assert definitions.version("letters").document == TWO
    first = definitions.version("letters", 1)
    assert list(first.document["steps"]) == ["start", "b", "a"]
    assert (first.number, first.interpreter_version, first.by, first.reason) == (1, 1, "ada", "a test")
    assert [each.number for each in definitions.versions("letters")] == [2, 1]
    assert [each.number for each in definitions.versions("letters", before=2, limit=1)] == [1]
    assert definitions.version("letters", 3) is None


def test_a_version_is_never_changed():
    save(body=ONE)
    version = DefinitionVersion.objects.get()
    version.reason = "another"
    with pytest.raises(VersionFixed):
        version.save()


def test_the_same_document_again_is_no_new_version():
    save(body=ONE)
    assert save(body=ONE).version == 1
    assert DefinitionVersion.objects.count() == 1
    assert save(body={**ONE, "variables": {"flag": 1}}).version == 2
    assert save(body={**ONE, "variables": {"flag": True}}).version == 3


def test_a_slug_that_is_declared_again_after_its_deletion_has_new_numbers():
    save(body=ONE)
    save(body=TWO)
    Definition.objects.get().delete()
    assert not DefinitionVersion.objects.exists()
    DefinitionChange.objects.create(slug="letters", actor_name="ada", reason="r", before={}, after={"version": None})
    assert save(body=ONE, expected_version=NEW).version == 3
    assert save(body=TWO).version == 4


def test_a_faulty_document_is_refused_with_the_place_of_each_fault_and_nothing_is_kept():
    broken = document(("q", ask("payload.", "nowhere", "a")), ("a", act("dance")))
    assert refused(body=broken) == (
        "definition_invalid",
        ["/document/steps/a/action", "/document/steps/q/expression", "/document/steps/q/next/true"],
    )
    assert not Definition.objects.exists()


def test_slugs_are_checked_and_those_of_code_are_taken():
    assert greet is not None
    assert refused("greet", ONE) == ("slug_taken", ["/slug"])
    assert refused("a b", ONE) == ("slug_invalid", ["/slug"])


def test_a_save_names_the_version_it_was_made_from():
    assert refused(body=ONE, expected_version=1)[0] == "version_conflict"
    assert save(body=ONE, expected_version=NEW).version == 1
    assert refused(body=TWO, expected_version=NEW)[0] == "definition_exists"
    assert save(body=TWO, expected_version=1).version == 2
    assert refused(body=ONE, expected_version=1)[0] == "version_conflict"


def test_what_an_operator_sets_is_kept_with_who_and_why():
    save(body=ONE)
    described = save(values={"active": False, "shard_by": "definition", "limit": 5, "window_ms": 250})
    assert (described.state.active, described.shard_by, described.state.limit) == (False, "definition", 5)
    change = DefinitionChange.objects.first()
    assert (change.slug, change.actor_name, change.reason) == ("letters", "ada", "a test")
    assert (change.before["active"], change.after["active"], change.after["version"]) == (True, False, 1)
    save(values={"active": False})
    assert DefinitionChange.objects.count() == 2


def test_values_that_do_not_fit_are_refused_by_name():
    save(body=ONE)
    assert refused(values={"window_ms": 0, "shard_by": "moon"}) == ("values_invalid", ["/shard_by", "/window_ms"])
    assert refused("nobody", values={"active": False})[0] == "definition_not_found"
    with pytest.raises(DefinitionRefused, match="Say why"):
        definitions.save("letters", values={"active": True}, actor=ADA, reason=" ")


def test_a_workflow_in_code_can_be_set_without_a_document():
    assert save("greet", values={"active": False}).kind == "code"
    assert refresher.current().definition("greet").active is False


def test_definitions_are_described_from_memory_with_what_keeps_them_from_running(actions):
    save(body=ONE)
    Definition(slug="forgotten").save()
    refresher.refresh()
    actions.switch("echo", "its provider is down")
    with traced() as sent:
        known = {each.slug: each for each in definitions.described()}
    assert sent == []
    assert (known["greet"].kind, known["greet"].unrunnable) == ("code", None)
    assert (known["forgotten"].kind, known["forgotten"].version) == ("absent", None)
    assert known["letters"].unrunnable == "the action 'echo' is disabled (its provider is down)"


@pytest.mark.django_db(transaction=True)
def test_two_who_save_at_once_get_two_versions():
    failed = []

    def one(number):
        try:
            save(body={**ONE, "title": str(number)})
        except Exception as error:  # noqa: BLE001 - the test looks at it
            failed.append(error)
        finally:
            connection.close()

    savers = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for saver in savers:
        saver.start()
    for saver in savers:
        saver.join()
    assert failed == []
    assert sorted(DefinitionVersion.objects.values_list("number", flat=True)) == [1, 2, 3, 4, 5, 6]
    assert Definition.objects.get().declared_version == 6
