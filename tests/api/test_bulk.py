"""Bulk actions over the API."""

import pytest

from tests.api.conftest import make_caller
from tests.intake import bulks
from tests.nowhere import no_redis
from tests.tenants import seen
from workflows.audit import Actor
from workflows.intake import bulk
from workflows.models import AuditRecord, BulkAction

__all__ = ["no_redis"]
pytestmark = pytest.mark.django_db
CANCEL = {"action": "cancel", "filter": "definition:greet", "reason": "sent twice"}


def test_a_dry_run_counts_and_keeps_nothing(acme):
    made = acme.trigger().json()["id"]
    answer = acme.post("bulk-actions", {"action": "cancel", "filter": "definition:greet", "dry_run": True})
    assert answer.status_code == 200
    assert (answer.json()["count"], answer.json()["sample"][0]["id"]) == (1, made)
    assert not BulkAction.objects.exists()


def test_one_is_begun_watched_and_done(acme):
    acme.trigger()
    answer = acme.post("bulk-actions", CANCEL)
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    address = answer["Location"].removeprefix("/api/v1/")
    bulks.run(BulkAction.objects.get())
    shown = acme.get(address).json()
    assert (shown["state"], shown["done"], shown["total"], shown["by"][:7]) == ("done", 1, 1, "api key")
    late = acme.post(f"{address}/abort")
    assert (late.status_code, late.json()["code"], late.json()["state"]) == (409, "already_finished", "done")


def test_one_is_aborted(acme):
    made = acme.post("bulk-actions", CANCEL).json()["id"]
    assert acme.post(f"bulk-actions/{made}/abort", {"why": "x"}).status_code == 400
    assert acme.post(f"bulk-actions/{made}/abort", {"reason": "wrong filter"}).json()["state"] == "aborted"
    assert acme.post(f"bulk-actions/{made}/abort").status_code == 200
    record = AuditRecord.objects.get(verb="abort_bulk_action")
    assert (record.actor_name[:7], record.reason) == ("api key", "wrong filter")


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"filter": " "}, "search_invalid", "/filter"),
        ({"filter": ""}, "invalid_field", "/filter"),
        ({"filter": "stauts:x"}, "search_invalid", "/filter"),
        ({"filter": "org:other"}, "search_invalid", "/filter"),
        ({"action": "redrive", "filter": "status:failed"}, "search_invalid", "/filter"),
        ({"action": "delete"}, "invalid_field", "/action"),
        ({"reason": None}, "missing_field", "/reason"),
        ({"why": "x"}, "unknown_field", "/why"),
    ],
)
def test_what_is_at_fault_is_pointed_at(acme, body, code, pointer):
    make_caller("other")
    answer = acme.post("bulk-actions", CANCEL | body)
    assert (answer.status_code, answer.json()["code"], answer.json()["pointer"]) == (400, code, pointer)
    assert not BulkAction.objects.exists()


def test_a_filter_that_is_written_longer_than_its_column_is_refused(acme):
    refused = acme.post("bulk-actions", CANCEL | {"filter": " ".join([",".join("+" * 25)] * 20)})
    assert (refused.status_code, refused.json().get("pointer")) == (400, "/filter")


def test_each_verb_needs_its_own_scope(db):
    reader = make_caller(scopes=["instances:read", "buffer:manage"])
    assert reader.post("bulk-actions", CANCEL).status_code == 403
    assert reader.post("bulk-actions", CANCEL | {"action": "redrive"}).status_code == 202
    assert make_caller("b", scopes=["instances:read"]).post("bulk-actions", CANCEL).status_code == 403
    made = bulk.create("cancel", "org:acme", env=seen(reader.env), actor=Actor("ada"), reason="x")
    assert reader.post(f"bulk-actions/{made.pk}/abort").status_code == 403


def test_another_environments_actions_are_not_there(acme):
    acme.post("bulk-actions", CANCEL)
    other = make_caller("other")
    id_ = BulkAction.objects.get().pk
    assert other.get("bulk-actions").json()["data"] == []
    assert other.get(f"bulk-actions/{id_}").status_code == 404
    assert other.post(f"bulk-actions/{id_}/abort").status_code == 404


def test_a_filter_never_reaches_beyond_the_keys_environment(acme):
    make_caller("other").trigger()
    acme.trigger()
    assert acme.post("bulk-actions", CANCEL | {"dry_run": True}).json()["count"] == 1


def test_the_list_is_read_in_pages(acme):
    made = [acme.post("bulk-actions", CANCEL).json()["id"] for _ in range(3)]
    page = acme.get("bulk-actions?limit=2").json()
    assert [each["id"] for each in page["data"]] == made[:0:-1]
    rest = acme.get(f"bulk-actions?limit=2&cursor={page['next_cursor']}").json()
    assert ([each["id"] for each in rest["data"]], rest["next_cursor"]) == (made[:1], None)


@pytest.mark.usefixtures("no_redis")
def test_without_redis_nothing_is_begun(acme):
    assert acme.post("bulk-actions", CANCEL).status_code == 503
