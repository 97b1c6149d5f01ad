"""Bulk actions in the admin: counted in the dialog, begun once that was seen, followed, aborted."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import people, stock
from tests.intake import bulks
from tests.tenants import make_env, seen
from workflows.admin import bulk as bulk_page
from workflows.models import AuditRecord, BulkAction, BulkState, Instance

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/workflows/bulkaction/"
NEW = f"{LIST}new/"
GIVEN = {"verb": "cancel", "search": "vip", "reason": "sent twice"}


def seen_in(page: str) -> str:
    return re.search(r'name="seen" value="([^"]*)"', page)[1]


def test_the_dialog_counts_before_anything_is_begun():
    one = stock.make_instance(make_env(), tags=["vip"])
    page = people.oscar().get(NEW, {"verb": "cancel", "q": "vip"}).content.decode()
    assert "<strong>1</strong> would be acted on now" in page
    assert str(one.pk)[-12:] in page
    assert "acme/production" in page
    assert seen_in(page) == "cancel vip"
    assert not BulkAction.objects.exists()


def test_one_is_begun_once_its_count_was_seen_and_followed_to_its_end():
    stock.make_instance(make_env(), tags=["vip"])
    client = people.oscar()
    shown = client.post(NEW, GIVEN)
    assert shown.status_code == 422
    assert "This is what it means now" in shown.content.decode()
    begun = client.post(NEW, GIVEN | {"seen": seen_in(shown.content.decode())}, follow=True).content.decode()
    assert "It is begun; this page follows it." in begun
    assert "data-goes-on" in begun
    action = bulks.run(BulkAction.objects.get())
    assert (action.actor_name, action.reason, action.done) == ("oscar", "sent twice", 1)
    page = client.get(f"{LIST}{action.pk}/change/").content.decode()
    assert "data-goes-on" not in page
    assert f"/admin/workflows/auditrecord/{AuditRecord.objects.get(verb='bulk_cancel').pk}/change/" in page
    assert ">done<" in client.get(LIST).content.decode()
    assert Instance.objects.get().status == "cancelled"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"search": " "}, "This field is required"),
        ({"search": "stauts:x"}, "write status:"),
        ({"reason": ""}, "This field is required"),
        ({"verb": "redrive", "search": "status:failed"}, "redrive can&#x27;t be told apart by status"),
        ({"verb": "delete"}, "Select a valid choice"),
    ],
)
def test_what_is_at_fault_is_told_and_nothing_is_begun(change, said):
    make_env()
    given = GIVEN | change
    answer = people.oscar().post(NEW, given | {"seen": f"{given['verb']} {given['search']}"})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not BulkAction.objects.exists()


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_so():
    make_env()
    page = people.oscar().get(NEW, {"verb": "cancel", "q": "vip"})
    assert "Redis does not answer" in page.content.decode()
    assert people.signed_in(people.make("o", "Operator")).post(NEW, GIVEN | {"seen": "cancel vip"}).status_code == 422


def test_one_is_aborted_with_a_reason():
    make_env()
    action = bulks.make("cancel", "org:acme")
    client, address = people.oscar(), f"{LIST}{action.pk}/abort/"
    assert client.post(address, {"reason": ""}).status_code == 422
    page = client.post(address, {"reason": "wrong filter"}, follow=True).content.decode()
    assert "It ends after the batch" in page
    record = AuditRecord.objects.get(verb="abort_bulk_action")
    assert f"/admin/workflows/auditrecord/{record.pk}/change/" in page
    action.refresh_from_db()
    assert (action.state, action.note) == (BulkState.ABORTED, "Aborted by oscar: wrong filter")
    assert "It had ended" in client.post(address, {"reason": "again"}, follow=True).content.decode()


def test_a_viewer_watches_and_begins_nothing():
    make_env()
    action = bulks.make("cancel", "org:acme")
    client = people.vera()
    assert "disabled" in client.get(LIST).content.decode()
    assert client.get(f"{LIST}{action.pk}/change/").status_code == 200
    for address in (NEW, f"{LIST}{action.pk}/abort/"):
        assert client.get(address).status_code == 403
        assert client.post(address, GIVEN | {"seen": "cancel vip"}).status_code == 403
    nora = people.nora()
    assert nora.get(LIST).status_code == 403
    assert nora.get(f"{LIST}{action.pk}/change/").status_code == 403


def test_each_verb_needs_its_own_permission():
    make_env()
    person = people.make("rita", "Viewer")
    person.user_permissions.add(people.permission("redrive_deadletter"))
    client = people.signed_in(person)
    page = client.get(NEW).content.decode()
    assert "Redrive dead letters" in page
    assert "Cancel instances" not in page
    assert client.post(NEW, GIVEN | {"seen": "cancel vip"}).status_code == 422
    assert not BulkAction.objects.exists()
    action = bulks.make("cancel", "org:acme")
    assert client.post(f"{LIST}{action.pk}/abort/", {"reason": "x"}).status_code == 403


def test_what_is_not_there_is_not_found_and_an_empty_list_says_what_would_appear():
    client = people.oscar()
    assert "No bulk action yet" in client.get(LIST).content.decode()
    for path in (
        "019aa5a0-7c1e-7e42-b4f5-0a4f7a5d3c11/change/",
        "x/change/",
        "019aa5a0-7c1e-7e42-b4f5-0a4f7a5d3c11/abort/",
    ):
        assert client.get(LIST + path).status_code == 404


def test_the_list_is_read_in_pages_with_few_queries(monkeypatch):
    monkeypatch.setattr(bulk_page, "PER_PAGE", 2)
    env = make_env()
    made = [bulks.make("cancel", "env:production", env=seen(env)).pk for _ in range(3)]
    client = people.oscar()
    client.get(LIST)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page = client.get(LIST).content.decode()
    assert len(queries) < 15
    assert f"?before={made[1]}" in page
    assert str(made[0]) in client.get(LIST, {"before": str(made[1])}).content.decode()


def test_the_instances_page_leads_to_it_with_its_filter():
    stock.make_instance(make_env(), tags=["vip"])
    page = people.oscar().get("/admin/workflows/instance/", {"q": "vip", "env": "acme/production"}).content.decode()
    assert f"{NEW}?verb=cancel&amp;q=tag%3Avip+env%3Aacme%2Fproduction" in page
    plain = people.signed_in(people.make("o", "Operator")).get("/admin/workflows/instance/").content.decode()
    assert "Search first" in plain
    assert "Needs the permission to cancel" in people.vera().get("/admin/workflows/instance/").content.decode()
