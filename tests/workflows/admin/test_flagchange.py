"""The audit of rollouts."""

import pytest

from tests import people, tenants
from workflows.models import FlagChange, Organization

pytestmark = pytest.mark.django_db
LIST = "/admin/workflows/flagchange/"


@pytest.fixture
def change() -> FlagChange:
    org = Organization.objects.get(pk=tenants.make_env("acme").org_id)
    values = {"mode": "off", "percent": 100, "limit": None}
    return FlagChange.objects.create(
        org=org, actor_name="oscar", reason="the sale", before=values, after=values | {"mode": "on"}
    )


def test_a_change_tells_who_why_and_what(change: FlagChange) -> None:
    client = people.vera()
    listed = client.get(LIST).content.decode()
    assert all(word in listed for word in ("acme", "oscar", "the sale", "mode off → on"))
    detail = client.get(f"{LIST}{change.pk}/change/").content.decode()
    assert "limit default" in detail


def test_nobody_rewrites_the_audit(change: FlagChange) -> None:
    client = people.ada()
    answers = [
        client.get(f"{LIST}add/"),
        client.post(f"{LIST}{change.pk}/change/", {"reason": "other"}),
        client.post(f"{LIST}{change.pk}/delete/", {"post": "yes"}),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert FlagChange.objects.get().reason == "the sale"
