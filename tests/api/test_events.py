"""Events of a log over HTTP: what the outside appends, fenced by what it saw."""

from datetime import UTC, datetime, timedelta

import pytest
from uuid_utils.compat import uuid7

from tests.api.conftest import make_caller

TAGGED = {"type": "attribute_set", "tags": {"add": ["vip"]}}


@pytest.fixture
def made(acme):
    return acme.trigger().json()["id"]


def test_attributes_are_set_by_an_event(acme, made):
    assert acme.post(f"instances/{made}/events", TAGGED).json() == {"seq": 2}
    counted = {"type": "attribute_set", "metadata": {"operations": [{"op": "increment", "key": "n"}]}}
    answer = acme.post(f"instances/{made}/events", counted)
    assert (answer.status_code, answer.json()) == (201, {"seq": 3})
    later = {"type": "attribute_set", "run_after": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    assert acme.post(f"instances/{made}/events", later).json() == {"seq": 4}
    instance = acme.get(f"instances/{made}").json()
    assert (instance["tags"], instance["metadata"]) == (["vip"], {"n": 1})
    assert instance["run_after"] is not None
    events = acme.get(f"instances/{made}/events").json()
    assert [event["type"] for event in events["events"]] == ["created", *["attribute_set"] * 3]


def test_what_changes_nothing_is_no_event(acme, made):
    for _ in range(2):
        assert acme.post(f"instances/{made}/events", TAGGED).json() == {"seq": 2}


def test_a_fence_that_the_log_passed_is_a_conflict_with_both_numbers(acme, made):
    assert acme.post(f"instances/{made}/events", TAGGED, If_Match='"1"').status_code == 201
    conflict = acme.post(f"instances/{made}/events", TAGGED, If_Match='"1"')
    problem = conflict.json()
    assert (conflict.status_code, problem["code"]) == (409, "fence_conflict")
    assert (problem["expected"], problem["current"]) == (1, 2)
    before = acme.get(f"instances/{made}").json()["created_at"]
    stale = acme.post(f"instances/{made}/events", TAGGED | {"as_of": before})
    assert (stale.status_code, stale.json()["code"], stale.json()["current"]) == (409, "fence_conflict", 2)
    now = datetime.now(UTC).isoformat()
    assert acme.post(f"instances/{made}/events", TAGGED | {"as_of": now}).status_code == 201


def test_a_finished_instance_is_gone(acme, made):
    acme.post(f"instances/{made}/cancel")
    gone = acme.post(f"instances/{made}/events", TAGGED)
    assert (gone.status_code, gone.json()["code"], gone.json()["state"]) == (410, "already_finished", "cancelled")


def test_what_does_not_fit_is_refused_as_the_verbs_refuse_it(acme, made):
    many = {"type": "attribute_set", "tags": {"add": [f"t{number}" for number in range(11)]}}
    assert acme.post(f"instances/{made}/events", many).json()["code"] == "limit_exceeded"
    stale = {"operations": [{"op": "increment", "key": "n"}], "expected_version": 7}
    refused = acme.post(f"instances/{made}/events", {"type": "attribute_set", "metadata": stale})
    assert (refused.status_code, refused.json()["code"]) == (409, "version_conflict")


def test_a_buffered_instance_takes_it_too(smoothed):
    smoothed.trigger()
    waiting = smoothed.trigger().json()["id"]
    answer = smoothed.post(f"instances/{waiting}/events", TAGGED)
    assert (answer.status_code, answer.json()) == (201, {"seq": 0})
    assert smoothed.get(f"instances/{waiting}").json()["tags"] == ["vip"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"type": "attribute_set"}, ""),
        (TAGGED | {"run_after": "2030-01-01T00:00:00Z"}, ""),
        ({"type": "completed"}, "/type"),
        (TAGGED | {"output": 1}, "/output"),
        ({"type": "attribute_set", "metadata": {"operations": []}}, "/metadata/operations"),
    ],
)
def test_a_body_of_another_shape_is_refused(acme, made, body, pointer):
    refused = acme.post(f"instances/{made}/events", body)
    assert (refused.status_code, refused.json()["pointer"]) == (400, pointer)


def test_another_environments_instance_can_not_be_meant(acme, made):
    assert make_caller("globex").post(f"instances/{made}/events", TAGGED).status_code == 404
    assert acme.post(f"instances/{uuid7()}/events", TAGGED).status_code == 404


def test_reading_and_appending_ask_for_their_scopes(db):
    reader = make_caller(scopes=["instances:read", "trigger:write"])
    made = reader.trigger().json()["id"]
    assert reader.get(f"instances/{made}/events").status_code == 200
    assert reader.post(f"instances/{made}/events", TAGGED).status_code == 403
