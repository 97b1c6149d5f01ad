"""Groups and what they may do."""

import pytest
from django.contrib.auth.models import Group

from dashboard import roles
from tests import people

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


def test_a_group_that_operators_changed_stays_as_it_is() -> None:
    group = Group.objects.get(name="Operator")
    group.permissions.clear()
    roles.create_roles()
    assert group.permissions.count() == 0


def test_every_verb_of_a_role_is_a_permission() -> None:
    for name, verbs in roles.ROLES.items():
        held = set(Group.objects.get(name=name).permissions.values_list("codename", flat=True))
        assert held >= set(verbs)
