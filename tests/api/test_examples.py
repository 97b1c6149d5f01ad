"""Each example body of the description is sent, and answered as the description shows."""

from typing import Any

import pytest
from uuid_utils.compat import uuid7

from tests.api.conftest import Caller, make_caller
from workflows.api import examples

FREE = {"id", "by", "root_id", "shard", "request_id", "version", "eta_seconds", "oldest_age_seconds"}
FREE |= {"event_id", "binding_id", "instance_id"}


def agree(shown: Any, real: Any, name: str = "") -> None:
    """Compare an example with an answer, but for what differs from call to call: ids and times."""
    if name in FREE or name.endswith("_at"):
        assert (shown is None) == (real is None), name
    elif isinstance(shown, dict):
        assert list(shown) == list(real)
        for member, value in shown.items():
            agree(value, real[member], member)
    elif isinstance(shown, list):
        assert len(shown) == len(real)
        for left, right in zip(shown, real, strict=True):
            agree(left, right, name)
    else:
        assert shown == real, name


@pytest.mark.parametrize("title", examples.BODIES["post_trigger"])
def test_a_trigger_of_the_description_starts(acme: Caller, title: str):
    body = examples.BODIES["post_trigger"][title]
    response = acme.post("triggers", body)
    assert response.status_code == 201
    if body is examples.ORDER:
        agree(examples.STARTED, response.json())
        again = acme.post("triggers", body)
        assert again.status_code == 200
        agree(examples.STARTED, again.json())


def test_a_buffered_trigger_is_answered_as_described(smoothed: Caller):
    smoothed.trigger()
    response = smoothed.post("triggers", examples.ORDER)
    assert response.status_code == 202
    agree(examples.BUFFERED, response.json())


def test_a_batch_is_answered_as_described(acme: Caller):
    (body,) = examples.BODIES["post_batch"].values()
    (shown,) = examples.ANSWERS["post_batch", 200].values()
    agree(shown, acme.post("triggers/batch", body).json())


def test_a_log_and_a_cancel_are_answered_as_described(acme: Caller):
    made = acme.post("triggers", examples.ORDER).json()["id"]
    (shown,) = examples.ANSWERS["list_events", 200].values()
    agree(shown, acme.get(f"instances/{made}/events").json())
    (body,) = examples.BODIES["cancel_instance"].values()
    agree(examples.CANCELLED, acme.post(f"instances/{made}/cancel", body).json())


@pytest.mark.parametrize(
    ("name", "verb"),
    [
        ("change_tags", "tags"),
        ("change_metadata", "metadata"),
        ("reschedule_instance", "reschedule"),
        ("pause_instance", "pause"),
        ("resume_instance", "resume"),
    ],
)
def test_a_verb_is_answered_as_described(acme: Caller, name: str, verb: str):
    made = acme.post("triggers", examples.ORDER).json()["id"]
    for number, body in enumerate(list(examples.BODIES.get(name, {}).values()) or [{}]):
        answer = acme.post(f"instances/{made}/{verb}", body)
        assert answer.status_code == 200
        if number == 0:
            (shown,) = examples.ANSWERS[name, 200].values()
            agree(shown, answer.json())


def test_a_list_is_answered_as_described(smoothed: Caller):
    for key in (str(uuid7()), "order-1", "order-2"):
        smoothed.post("triggers", examples.ORDER | {"idempotency_key": key})
    (shown,) = examples.ANSWERS["list_instances", 200].values()
    page = smoothed.get("instances?limit=2").json()
    assert [list(each) for each in page["data"]] == [list(each) for each in shown["data"]]
    for each in (page, shown):
        assert each["data"][-1]["id"].replace("-", "") in each["next_cursor"]


def test_flags_are_answered_as_described(db: None):
    acme = make_caller()
    (body,) = examples.BODIES["put_flags"].values()
    (shown,) = examples.ANSWERS["put_flags", 200].values()
    agree(shown, acme.put("flags", body, If_Match="0").json())
    (shown,) = examples.ANSWERS["get_flags", 200].values()
    agree(shown, acme.get("flags").json())


def test_rollout_plans_are_answered_as_described(acme: Caller):
    (body,) = examples.BODIES["post_rollout_plan"].values()
    (shown,) = examples.ANSWERS["post_rollout_plan", 201].values()
    begun = acme.post("rollout-plans", body).json()
    agree(shown | {"before": begun["before"]}, begun)
    address = f"rollout-plans/{begun['id']}"
    for name, send, path in (
        ("get_rollout_plan", acme.get, address),
        ("list_rollout_plans", acme.get, "rollout-plans"),
        ("pause_rollout_plan", acme.post, f"{address}/pause"),
        ("resume_rollout_plan", acme.post, f"{address}/resume"),
        ("abort_rollout_plan", acme.post, f"{address}/abort"),
    ):
        (shown,) = examples.ANSWERS[name, 200].values()
        agree(shown, send(path, *examples.BODIES.get(name, {}).values()).json())


def test_the_buffer_is_answered_as_described(smoothed: Caller):
    for _ in range(4):
        smoothed.trigger()
    (shown,) = examples.ANSWERS["get_buffer", 200].values()
    agree(shown, smoothed.get("buffer").json())


def test_definitions_are_answered_as_described(acme: Caller):
    for name, send, path in (
        ("post_definition", acme.post, "definitions"),
        ("get_definition", acme.get, "definitions/welcome"),
        ("list_definitions", acme.get, "definitions?cursor=welcom&limit=1"),
        ("list_definition_versions", acme.get, "definitions/welcome/versions"),
        ("patch_definition", acme.patch, "definitions/welcome"),
    ):
        answer = send(path, *examples.BODIES.get(name, {}).values())
        assert answer.status_code in {200, 201}, answer.content
        (shown,) = examples.ANSWERS[name, answer.status_code].values()
        agree(shown, answer.json())


@pytest.mark.parametrize("probe", ["live", "ready"])
def test_health_is_answered_as_described(db: None, client: Any, probe: str):
    (shown,) = examples.ANSWERS[f"get_{probe}", 200].values()
    agree(shown, client.get(f"/healthz/{probe}").json())


def test_schedules_are_answered_as_described(acme: Caller):
    (body,) = examples.BODIES["post_schedule"].values()
    (change,) = examples.BODIES["patch_schedule"].values()
    made = acme.post("schedules", body).json()
    agree(examples.SCHEDULE, made)
    for name, answer in (
        ("list_schedules", acme.get("schedules")),
        ("get_schedule", acme.get(f"schedules/{made['id']}")),
        ("patch_schedule", acme.patch(f"schedules/{made['id']}", change)),
    ):
        (shown,) = examples.ANSWERS[name, 200].values()
        agree(shown, answer.json())


def test_an_event_is_appended_as_described(acme: Caller):
    (shown,) = examples.ANSWERS["append_event", 201].values()
    for number, body in enumerate(examples.BODIES["append_event"].values()):
        made = acme.post("triggers", examples.ORDER | {"idempotency_key": f"event-{number}"}).json()["id"]
        answer = acme.post(f"instances/{made}/events", body)
        assert answer.status_code == 201
        agree(shown, answer.json())


def test_bindings_and_events_are_answered_as_described(acme: Caller):
    bodies = {name: next(iter(examples.BODIES[name].values())) for name in ("post_binding", "patch_binding")}
    (shown,) = examples.ANSWERS["post_binding", 201].values()
    made = acme.post("bindings", bodies["post_binding"]).json()
    agree(shown, made)
    (body,) = examples.BODIES["test_bindings"].values()
    (shown,) = examples.ANSWERS["test_bindings", 200].values()
    agree(shown, acme.post("bindings/test", body).json())
    (shown,) = examples.ANSWERS["patch_binding", 200].values()
    agree(shown, acme.patch(f"bindings/{made['id']}", bodies["patch_binding"]).json())
    acme.post("bindings", {"pattern": "order.created", "definition": "noop"})
    (body,) = examples.BODIES["emit_event"].values()
    (shown,) = examples.ANSWERS["emit_event", 202].values()
    agree(shown, acme.post("events", body).json())


def test_a_bulk_action_is_answered_as_described(acme: Caller):
    acme.post("triggers", examples.BODIES["post_trigger"]["the least"])
    count, cancel = examples.BODIES["post_bulk_action"].values()
    (shown,) = examples.ANSWERS["post_bulk_action", 200].values()
    agree(shown, acme.post("bulk-actions", count).json())
    begun = acme.post("bulk-actions", cancel)
    assert begun.status_code == 202
    made = begun.json()["id"]
    (why,) = examples.BODIES["abort_bulk_action"].values()
    for name, answer in (
        ("list_bulk_actions", acme.get("bulk-actions")),
        ("get_bulk_action", acme.get(f"bulk-actions/{made}")),
        ("abort_bulk_action", acme.post(f"bulk-actions/{made}/abort", why)),
    ):
        (shown,) = examples.ANSWERS[name, 200].values()
        real = answer.json()
        agree(shown | {"note": real["note"]} if "note" in real else shown, real)
