"""Groups and what they may do."""

import pytest
from django.contrib.auth.models import Group

from dashboard import roles
from tests import people
from workflows.models import RoleGrant

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("group", "may", "may_not"),
    [
        ("Viewer", "workflows.view_instance", "workflows.cancel_instance"),
        ("Operator", "workflows.change_organizationflags", "workflows.add_apikey"),
        ("Admin", "workflows.add_apikey", "workflows.delete_organization"),
    ],
)
def test_a_group_may_its_verbs_and_no_more(group: str, may: str, may_not: str) -> None:
    person = people.make("somebody", group)
    assert person.has_perm(may)
    assert not person.has_perm(may_not)


def held(group: Group) -> set[str]:
    return set(group.permissions.values_list("codename", flat=True))


def test_what_operators_gave_a_group_stays_and_what_they_took_is_not_given_again() -> None:
    group = Group.objects.get(name="Operator")
    group.permissions.add(people.permission("add_apikey"))
    group.permissions.remove(people.permission("cancel_instance"))
    roles.create_roles()
    assert "add_apikey" in held(group)
    assert "cancel_instance" not in held(group)


def test_a_group_of_an_earlier_release_is_given_the_verbs_that_are_new() -> None:
    group = Group.objects.get(name="Operator")
    new = people.permission("close_storm")
    group.permissions.remove(new)
    RoleGrant.objects.filter(permission=new).delete()
    group.permissions.add(people.permission("add_apikey"))
    roles.create_roles()
    assert held(group) == {*roles.OPERATE, "add_apikey"}


def test_a_group_that_was_deleted_is_made_again_with_all_it_should_hold() -> None:
    Group.objects.get(name="Admin").delete()
    roles.create_roles()
    assert held(Group.objects.get(name="Admin")) == {*roles.ADMINISTER, *roles.ACCOUNTS}


def test_every_verb_of_a_role_is_a_permission() -> None:
    for name, verbs in roles.ROLES.items():
        held = set(Group.objects.get(name=name).permissions.values_list("codename", flat=True))
        assert held >= set(verbs)
