"""Bindings over HTTP."""

from uuid import uuid4

import pytest

from tests.api.conftest import make_caller
from tests.bound import bind
from workflows.models import AuditRecord, Binding

pytestmark = pytest.mark.django_db

LARGE = {"pattern": "order.*", "definition": "greet", "condition": "payload.total > 100"}


def test_a_binding_is_made_once_and_is_at_work_at_once(acme):
    made = acme.post("bindings", LARGE)
    again = acme.post("bindings", LARGE | {"limit": 7})
    assert (made.status_code, again.status_code) == (201, 200)
    assert again.json() == made.json()
    assert acme.get(f"bindings/{made.json()['id']}").json() == made.json()
    (match,) = acme.post("bindings/test", {"type": "order.created", "payload": {"total": 101}}).json()["matches"]
    assert (match["binding_id"], match["starts"], match["reason"]) == (made.json()["id"], True, None)


def test_one_that_was_switched_off_stays_off_when_it_is_made_again(acme):
    made = acme.post("bindings", LARGE).json()
    off = acme.patch(f"bindings/{made['id']}", {"enabled": False})
    assert (off.status_code, off.json()["enabled"]) == (200, False)
    again = acme.post("bindings", LARGE)
    assert (again.status_code, again.json()["enabled"]) == (200, False)
    (match,) = acme.post("bindings/test", {"type": "order.paid", "payload": {"total": 101}}).json()["matches"]
    assert (match["starts"], match["reason"]) == (False, "disabled")


def test_what_a_key_does_to_bindings_is_in_the_audit(acme):
    made = acme.post("bindings", LARGE).json()
    acme.post("bindings", LARGE)
    for change in ({"enabled": False}, {"enabled": True, "limit": 7}, {"window_seconds": 0}):
        acme.patch(f"bindings/{made['id']}", change)
    kept = AuditRecord.objects.filter(filter={"binding": made["id"]}, target="order.* -> greet").order_by("id")
    assert [(each.verb, each.detail) for each in kept] == [
        ("make_binding", {}),
        ("disable_binding", {"enabled": False}),
        ("change_binding", {"enabled": True, "limit": 7}),
    ]
    assert {(each.reason, each.org_id) for each in kept} == {("By the API", acme.env.org_id)}


def test_what_is_not_named_in_a_change_stays_and_null_is_the_default(acme):
    made = acme.post("bindings", LARGE | {"limit": 7, "window_seconds": 90}).json()
    changed = acme.patch(f"bindings/{made['id']}", {"limit": None, "loop_policy": "allow_all", "condition": ""}).json()
    assert changed == made | {"limit": None, "loop_policy": "allow_all", "condition": ""}


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"pattern": "*"}, 400, "/pattern"),
        ({"pattern": "order.*.x"}, 400, "/pattern"),
        ({"pattern": "order.*\n"}, 400, "/pattern"),
        ({"condition": "payload.total >"}, 422, "/condition"),
        ({"condition": "total > 1"}, 422, "/condition"),
        ({"loop_policy": "sometimes"}, 400, "/loop_policy"),
        ({"limit": 1_000_001}, 400, "/limit"),
        ({"window_seconds": 0}, 400, "/window_seconds"),
        ({"env": "staging"}, 400, "/env"),
        ({"definition": ""}, 400, "/definition"),
    ],
)
def test_what_is_no_binding_is_refused_with_a_pointer(acme, change, status, pointer):
    refused = acme.post("bindings", LARGE | change)
    assert (refused.status_code, refused.json()["pointer"]) == (status, pointer)
    assert Binding.objects.count() == 0


def test_two_bindings_for_the_same_can_not_be_made_by_a_change(acme):
    acme.post("bindings", LARGE)
    other = acme.post("bindings", LARGE | {"condition": ""}).json()
    refused = acme.patch(f"bindings/{other['id']}", {"condition": LARGE["condition"]})
    assert (refused.status_code, refused.json()["pointer"]) == (422, "/condition")


def test_a_list_holds_what_is_for_the_environment_and_only_its_own_can_be_changed(acme):
    other = make_caller("other")
    everybodys, orgs = bind("a"), bind("b", org=acme.env.org)
    bind("c", org=other.env.org)
    own = acme.post("bindings", LARGE).json()["id"]
    listed = acme.get("bindings").json()["data"]
    assert [(each["id"], each["scope"]) for each in listed] == [
        (own, "env"),
        (str(orgs.id), "org"),
        (str(everybodys.id), "everybody"),
    ]
    refused = acme.patch(f"bindings/{orgs.id}", {"enabled": False})
    assert (refused.status_code, refused.json()["code"]) == (403, "binding_not_yours")
    assert other.patch(f"bindings/{own}", {"enabled": False}).status_code == 404
    assert other.get(f"bindings/{own}").status_code == 404
    assert acme.get(f"bindings/{uuid4()}").status_code == 404


def test_a_test_says_what_is_in_the_way_and_writes_nothing(acme):
    bind("a", definition="nowhere"), bind("a", loop_policy="avoid_loop"), bind("a", condition="payload > 1")
    place = {"Mollifier_Parent": str(uuid4()), "Mollifier_Chain": "greet"}
    found = acme.post("bindings/test", {"type": "a", "payload": "x"}, **place).json()["matches"]
    assert [each["starts"] for each in found] == [False] * 3
    assert "no definition 'nowhere'" in found[0]["reason"]
    assert "on its own chain" in found[1]["reason"]
    assert "its condition failed" in found[2]["reason"]
    assert acme.get("instances").json()["data"] == []


def test_all_are_listed_page_by_page_newest_first(acme):
    everybodys = [bind(f"a{number}") for number in range(4)]
    last = acme.post("bindings", LARGE).json()
    listed, query = [], "limit=2"
    while query:
        page = acme.get(f"bindings?{query}").json()
        listed += [each["id"] for each in page["data"]]
        query = page["next_cursor"] and f"limit=2&cursor={page['next_cursor']}"
    assert listed == [last["id"], *(str(each.id) for each in reversed(everybodys))]


def test_one_on_no_first_page_is_found_and_changed(acme):
    made = acme.post("bindings", LARGE).json()
    bind("a")
    assert made["id"] not in {each["id"] for each in acme.get("bindings?limit=1").json()["data"]}
    assert acme.get(f"bindings/{made['id']}").json() == made
    assert acme.patch(f"bindings/{made['id']}", {"enabled": False}).json() == made | {"enabled": False}


def test_a_reader_makes_no_binding(db):
    reader = make_caller(scopes=["instances:read"])
    assert reader.post("bindings", LARGE).status_code == 403
    assert reader.get("bindings").status_code == 200
