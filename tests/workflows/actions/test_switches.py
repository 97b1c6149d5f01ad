"""Switching actions off and on, as processes see it."""

import pytest
from django.db import connection

from workflows.actions import switches
from workflows.models import SnapshotVersion

pytestmark = pytest.mark.django_db


def test_off_and_on_again_with_the_reason_at_hand() -> None:
    assert switches.disabled() == {}
    switches.switch("http", off=True, reason=" an incident ", actor_name="ada")
    assert switches.disabled() == {"http": "an incident"}
    switches.switch("http", off=False, reason="it is over", actor_name="ada")
    assert switches.disabled() == {}


def test_a_directory_takes_what_changed_since_its_version() -> None:
    before = SnapshotVersion.objects.values_list("version", flat=True).first() or 0
    switches.switch("http", off=True, reason="an incident", actor_name="ada")
    switches.switch("llm", off=False, reason="it is over", actor_name="ada")
    assert dict(switches.changed_since(before)) == {"http": "an incident", "llm": None}
    assert dict(switches.changed_since(before + 2)) == {}


def test_between_two_looks_the_database_is_not_asked(settings, django_assert_num_queries) -> None:
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SNAPSHOT_REFRESH_MS": 3_600_000}
    with django_assert_num_queries(1):
        switches.disabled()
        switches.disabled()


def test_while_the_database_does_not_answer_what_was_known_holds() -> None:
    switches.switch("http", off=True, reason="an incident", actor_name="ada")
    switches.disabled()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE workflows_actionswitch RENAME TO workflows_gone")
    from django.db import transaction

    with transaction.atomic(savepoint=False):
        assert switches.disabled() == {"http": "an incident"}
