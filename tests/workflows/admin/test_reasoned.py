"""Tables that the theme's own form writes: why is asked, kept, and led to."""

import pytest

from tests import people, tenants
from workflows.models import AuditRecord, Environment, Organization

pytestmark = pytest.mark.django_db
ORGS, ENVS = "/admin/workflows/organization/", "/admin/workflows/environment/"


def test_a_row_is_made_and_changed_with_a_reason_that_is_kept_and_led_to() -> None:
    ada = people.ada()
    assert ada.post(f"{ORGS}add/", {"slug": "fresh", "name": "Fresh", "reason": ""}).status_code == 200
    assert not Organization.objects.exists()
    made = ada.post(f"{ORGS}add/", {"slug": "fresh", "name": "Fresh", "reason": "a customer"}, follow=True)
    org = Organization.objects.get()
    record = AuditRecord.objects.get()
    assert f'<a href="/admin/workflows/auditrecord/{record.pk}/change/">Audit record</a>' in made.content.decode()
    ada.post(f"{ORGS}{org.pk}/change/", {"name": "Fresher", "reason": "they asked"})
    ada.post(f"{ENVS}add/", {"org": str(org.pk), "slug": "production", "reason": "they go live"})
    told = AuditRecord.objects.order_by("id").values_list("verb", "reason", "actor_name", "org_id")
    assert list(told) == [
        ("make_organization", "a customer", "ada", org.pk),
        ("change_organization", "they asked", "ada", org.pk),
        ("make_environment", "they go live", "ada", org.pk),
    ]
    assert Environment.objects.get().slug == "production"


def test_who_may_only_look_is_not_asked_why() -> None:
    environment = tenants.make_env("acme")
    page = people.vera().get(f"{ORGS}{environment.org_id}/change/").content.decode()
    assert "acme" in page
    assert ">Reason<" not in page
