"""Users and groups: each change asks why, is in the audit, and no password is."""

import json

import pytest
from django.contrib.auth.models import Group, User
from django.core import serializers

from tests import people
from workflows.models import AuditRecord

pytestmark = pytest.mark.django_db
USERS, GROUPS = "/admin/auth/user/", "/admin/auth/group/"
PASSWORD = "correct horse battery"
NEW = {"username": "grace", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
WHY = {"reason": "she starts on Monday"}


@pytest.fixture
def root():
    return people.signed_in(User.objects.create_superuser("root"))


def recorded() -> tuple[str, str, str, dict]:
    record = AuditRecord.objects.latest("pk")
    assert (record.actor_name, record.outcome, record.count) == ("root", "done", 1)
    return record.verb, record.target, record.reason, record.detail


def do(client, address: str, **given: object) -> None:
    """Do it, and find the link to its record in what is said."""
    said = client.post(address, given, follow=True).content.decode()
    record = AuditRecord.objects.latest("pk")
    assert f'<a href="/admin/workflows/auditrecord/{record.pk}/change/">Audit record</a>' in said


def test_a_user_is_made_with_a_reason(root) -> None:
    assert root.post(f"{USERS}add/", NEW).status_code == 200
    assert not User.objects.filter(username="grace").exists()
    do(root, f"{USERS}add/", **NEW, **WHY)
    assert recorded() == ("make_user", "grace", "she starts on Monday", {"fields": ["username"]})
    assert User.objects.get(username="grace").check_password(PASSWORD)


def test_a_record_tells_which_rights_were_given_and_taken_and_nothing_personal(root) -> None:
    grace = people.make("grace", "Viewer")
    grace.user_permissions.add(people.permission("close_storm"))
    operator = Group.objects.get(name="Operator")
    sent = {
        "username": "grace",
        "email": "grace@example.org",
        "is_active": "on",
        "groups": operator.pk,
    }
    for part, written in enumerate(("%Y-%m-%d", "%H:%M:%S")):
        sent |= dict.fromkeys((f"date_joined_{part}", f"initial-date_joined_{part}"), f"{grace.date_joined:{written}}")
    assert root.post(f"{USERS}{grace.pk}/change/", sent).status_code == 200
    assert not AuditRecord.objects.exists()
    do(root, f"{USERS}{grace.pk}/change/", **sent, **WHY)
    told = {"groups": ["+Operator", "-Viewer"], "user_permissions": ["-close_storm"], "is_staff": "taken"}
    assert recorded() == ("change_user", "grace", "she starts on Monday", {"fields": ["email"], **told})
    assert list(grace.groups.all()) == [operator]


def test_another_password_asks_why_and_reaches_no_record(root) -> None:
    grace, address = people.make("grace"), f"{USERS}{User.objects.get(username='grace').pk}/password/"
    given = {"password1": PASSWORD, "password2": PASSWORD}
    assert root.post(address, given).status_code == 422
    assert root.post(address, {**given, "password2": "another", **WHY}).status_code == 422
    assert not AuditRecord.objects.exists()
    do(root, address, **given, **WHY)
    assert recorded() == ("change_password_of_user", "grace", "she starts on Monday", {})
    grace.refresh_from_db()
    assert grace.check_password(PASSWORD)
    kept = serializers.serialize("json", AuditRecord.objects.all())
    assert [secret for secret in (PASSWORD, grace.password) if json.dumps(secret)[1:-1] in kept] == []


def test_a_group_is_made_changed_and_deleted_with_reasons(root) -> None:
    close, cancel = people.permission("close_storm"), people.permission("cancel_instance")
    assert root.post(f"{GROUPS}add/", {"name": "Night shift"}).status_code == 200
    do(root, f"{GROUPS}add/", name="Night shift", permissions=close.pk, reason="nights")
    assert recorded() == ("make_group", "Night shift", "nights", {"fields": ["name"], "permissions": ["+close_storm"]})
    group = Group.objects.get(name="Night shift")
    do(root, f"{GROUPS}{group.pk}/change/", name="Night shift", permissions=cancel.pk, reason="an incident")
    swapped = ["+cancel_instance", "-close_storm"]
    assert recorded() == ("change_group", "Night shift", "an incident", {"fields": [], "permissions": swapped})
    assert root.post(f"{GROUPS}{group.pk}/delete/", {"post": "yes"}).status_code == 422
    do(root, f"{GROUPS}{group.pk}/delete/", reason="no nights")
    assert recorded() == ("delete_group", "Night shift", "no nights", {})
    assert not Group.objects.filter(name="Night shift").exists()


def test_a_user_is_deleted_with_a_reason_one_at_a_time_and_stays_in_the_records(root) -> None:
    grace = people.make("grace")
    address = f"{USERS}{grace.pk}/delete/"
    assert "delete_selected" not in root.get(USERS).content.decode()
    assert "What this user did stays in every record" in root.get(address).content.decode()
    do(root, address, reason="she left")
    assert recorded() == ("delete_user", "grace", "she left", {})
    assert root.get(address).status_code == 404
    assert people.ada().post(address, {"reason": "x"}).status_code == 403
    himself = User.objects.get(username="root")
    root.post(f"{USERS}{himself.pk}/delete/", {"reason": "I leave"})
    assert recorded() == ("delete_user", "root", "I leave", {})


def test_who_may_only_look_is_not_asked_why() -> None:
    viewers = Group.objects.get(name="Viewer")
    shown = people.ada().get(f"{GROUPS}{viewers.pk}/change/").content.decode()
    assert "Viewer" in shown
    assert ">Reason<" not in shown
