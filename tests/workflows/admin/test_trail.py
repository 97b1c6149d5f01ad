"""Where an operator finds the record of what was just done."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.utils import timezone

from tests import people, tenants
from workflows import audit
from workflows.admin import trail
from workflows.audit import Act, Actor
from workflows.intake import rollout
from workflows.models import AuditRecord

pytestmark = pytest.mark.django_db


def posted(person: User, reason: str):
    request = RequestFactory().post("/admin/", {"reason": reason})
    request.user = person
    return request


def note(person: User, reason: str) -> AuditRecord:
    return AuditRecord.objects.get(pk=audit.note(Act(verb="pause_shard", actor=Actor.from_user(person), reason=reason)))


def test_it_is_the_newest_record_of_this_operator_with_this_reason() -> None:
    oscar, ada = people.make("oscar"), people.make("ada")
    note(oscar, "an incident")
    hers, last = note(ada, "an incident"), note(oscar, "an incident")
    note(oscar, "another")
    assert trail.find(posted(oscar, " an incident ")) == f"/admin/workflows/auditrecord/{last.pk}/change/"
    assert trail.link(posted(ada, "an incident")) == (
        f' <a href="/admin/workflows/auditrecord/{hers.pk}/change/">Audit record</a>'
    )


def test_a_flag_change_has_a_page_of_its_own() -> None:
    oscar, org_id = people.make("oscar"), tenants.make_env("acme").org_id
    change = rollout.set_rollout(org_id, actor=Actor.from_user(oscar), reason="the sale", mode="shadow")
    assert trail.find(posted(oscar, "the sale")) == f"/admin/workflows/flagchange/{change.pk}/change/"


def test_without_a_record_of_this_minute_there_is_no_link() -> None:
    oscar = people.make("oscar")
    assert trail.link(posted(oscar, "an incident")) == ""
    assert trail.link(posted(oscar, "")) == ""
    note(oscar, "an incident")
    assert trail.find(posted(oscar, "an incident"), timezone.now() + timedelta(minutes=2)) == ""
