"""Schedules over HTTP."""

import pytest
from uuid_utils.compat import uuid7

from tests.api.conftest import make_caller
from workflows.models import AuditRecord, Schedule

NIGHTLY = {"definition": "greet", "cron": "30 2 * * *"}


def test_a_schedule_is_made_read_and_changed(acme):
    made = acme.post("schedules", NIGHTLY | {"payload": {"b": 1, "a": 2}})
    assert made.status_code == 201
    body = made.json()
    assert made["Location"] == f"/api/v1/schedules/{body['id']}"
    assert (list(body["payload"]), body["enabled"], body["last_outcome"]) == (["b", "a"], True, None)
    assert body["next_at"].endswith("02:30:00Z")
    assert acme.get(f"schedules/{body['id']}").json() == body
    changed = acme.patch(f"schedules/{body['id']}", {"enabled": False})
    assert (changed.status_code, changed.json()) == (200, body | {"enabled": False, "next_at": None})
    emptied = acme.patch(f"schedules/{body['id']}", {"payload": None})
    assert emptied.json()["payload"] is None
    assert [record.actor_name for record in AuditRecord.objects.all()] == [f"api key {acme.key.split('_')[1]}"] * 3


def test_every_fault_has_its_pointer(acme):
    refused = acme.post("schedules", {"definition": "no-such-flow", "cron": "61 * * * *", "timezone": "Mars"})
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["pointer"]) == (422, "schedule_invalid", "/definition")
    assert {error["pointer"]: error["code"] for error in problem["errors"]} == {
        "/definition": "definition_not_found",
        "/cron": "cron_invalid",
        "/timezone": "timezone_unknown",
    }
    assert not Schedule.objects.exists()


def test_a_change_is_checked_with_what_stays(acme):
    made = acme.post("schedules", NIGHTLY).json()
    refused = acme.patch(f"schedules/{made['id']}", {"cron": "0 0 31 2 *"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/cron")
    assert acme.get(f"schedules/{made['id']}").json() == made


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"cron": "* * * * *"}, "/definition"),
        (NIGHTLY | {"overlap": "maybe"}, "/overlap"),
        (NIGHTLY | {"enabled": "yes"}, "/enabled"),
        (NIGHTLY | {"env": "production"}, "/env"),
        (NIGHTLY | {"cron": "x" * 101}, "/cron"),
        (NIGHTLY | {"payload": {"a": "\0"}}, "/payload/a"),
    ],
)
def test_a_body_of_another_shape_is_refused(acme, body, pointer):
    refused = acme.post("schedules", body)
    assert (refused.status_code, refused.json()["pointer"]) == (400, pointer)


def test_the_list_is_read_page_by_page(acme):
    ids = [acme.post("schedules", NIGHTLY).json()["id"] for _ in range(3)][::-1]
    first = acme.get("schedules?limit=2").json()
    assert [each["id"] for each in first["data"]] == ids[:2]
    rest = acme.get(f"schedules?limit=2&cursor={first['next_cursor']}").json()
    assert ([each["id"] for each in rest["data"]], rest["next_cursor"]) == (ids[2:], None)


def test_another_environments_schedule_can_not_be_meant(acme):
    id_ = acme.post("schedules", NIGHTLY).json()["id"]
    other = make_caller("globex")
    assert other.get("schedules").json()["data"] == []
    for meant in (id_, uuid7()):
        assert other.get(f"schedules/{meant}").status_code == 404
        assert other.patch(f"schedules/{meant}", {"enabled": False}).status_code == 404
    assert Schedule.objects.get().enabled


def test_reading_and_writing_ask_for_their_scopes(db):
    reader = make_caller(scopes=["instances:read"])
    assert reader.get("schedules").status_code == 200
    assert reader.post("schedules", NIGHTLY).json()["code"] == "insufficient_scope"
    assert reader.patch(f"schedules/{uuid7()}", {}).status_code == 403
    assert make_caller("globex", scopes=["trigger:write"]).get("schedules").status_code == 403
