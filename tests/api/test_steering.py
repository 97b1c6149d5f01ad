"""The verbs of the API: the same address, body and answer while an instance is buffered and after."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.api.conftest import make_caller
from tests.intake.draining import drain
from workflows.models import Event, Instance

TAGS = {"add": ["vip"], "remove": ["new"]}
METADATA = {
    "operations": [
        {"op": "set", "key": "list", "value": []},
        {"op": "append", "key": "list", "value": {"a": 1.0}},
        {"op": "increment", "key": "n", "by": 2},
        {"op": "delete", "key": "gone"},
    ],
    "expected_version": 0,
}
LATER = "2026-12-24T18:00:00Z"
VERBS = {
    "cancel": {"reason": "enough"},
    "tags": TAGS,
    "metadata": METADATA,
    "reschedule": {"run_after": LATER},
    "pause": {},
    "resume": {},
}
SHOWS = {
    "cancel": {"status": "cancelled"},
    "tags": {"tags": ["vip"]},
    "metadata": {"metadata": {"list": [{"a": 1.0}], "n": 2}, "metadata_version": 1},
    "reschedule": {},
    "pause": {"status": "paused"},
    "resume": {},
}


@pytest.fixture(params=["row", "entry"])
def made(request, smoothed):
    """An instance's id, where it is a row and where it is buffered."""
    smoothed.trigger()
    place = {"buffer": "never"} if request.param == "row" else {}
    return smoothed.trigger(tags=["new"], metadata={"gone": 1}, **place).json()["id"]


def steer(caller, made, verb, **more):
    headers = {name: more.pop(name) for name in list(more) if name == "If_Match"}
    return caller.post(f"instances/{made}/{verb}", VERBS[verb] | more, **headers)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_answers_with_the_instance_as_it_is_now(smoothed, made, verb):
    before = smoothed.get(f"instances/{made}").json()
    answer = steer(smoothed, made, verb)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert list(body) == list(before)
    assert {name: body[name] for name in SHOWS[verb]} == SHOWS[verb]
    assert answer["ETag"] == smoothed.get(f"instances/{made}")["ETag"]
    drain()
    after = smoothed.get(f"instances/{made}").json()
    assert {name: after[name] for name in SHOWS[verb]} == SHOWS[verb]


@pytest.mark.parametrize("verb", VERBS)
def test_a_finished_instance_refuses(smoothed, made, verb):
    steer(smoothed, made, "cancel")
    refused = steer(smoothed, made, verb)
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (
        409,
        "already_finished",
        "cancelled",
    )


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_not_there_is_not_found(smoothed, verb):
    assert steer(smoothed, "019aa5a0-7c1e-7e42-b4f5-0a4f7a5d3c11", verb).status_code == 404


@pytest.mark.parametrize("verb", VERBS)
def test_a_fence_is_honoured(smoothed, made, verb):
    refused = steer(smoothed, made, verb, If_Match='"7"')
    assert (refused.status_code, refused.json()["code"], refused.json()["expected"]) == (409, "fence_conflict", 7)
    tag = smoothed.get(f"instances/{made}")["ETag"]
    assert steer(smoothed, made, verb, If_Match=tag).status_code == 200


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_as_of_a_time_meets_what_was_logged_since(acme, verb):
    made = acme.trigger(tags=["new"]).json()["id"]
    created = Event.objects.get(instance_id=made).at
    refused = steer(acme, made, verb, as_of=created.isoformat())
    assert (refused.status_code, refused.json()["code"], refused.json()["current"]) == (409, "fence_conflict", 1)
    later = (created + timedelta(microseconds=1)).isoformat()
    both = steer(acme, made, verb, as_of=later, If_Match='"1"')
    assert (both.status_code, both.json()["pointer"]) == (400, "/as_of")
    assert steer(acme, made, verb, as_of=later).status_code == 200


def test_the_eleventh_tag_is_too_many(smoothed, made):
    refused = smoothed.post(f"instances/{made}/tags", {"add": [f"t{number}" for number in range(10)]})
    assert (refused.status_code, refused.json()["code"]) == (422, "limit_exceeded")
    assert (refused.json()["limit"], refused.json()["most"]) == ("tags", 10)
    assert smoothed.get(f"instances/{made}").json()["tags"] == ["new"]


def test_metadata_are_refused_as_a_whole(smoothed, made):
    path = f"instances/{made}/metadata"
    assert smoothed.post(path, METADATA).status_code == 200
    stale = smoothed.post(path, METADATA)
    assert (stale.status_code, stale.json()["code"]) == (409, "version_conflict")
    assert (stale.json()["expected"], stale.json()["current"]) == (0, 1)
    operations = [{"op": "set", "key": "x", "value": 1}, {"op": "increment", "key": "list"}]
    misfit = smoothed.post(path, {"operations": operations})
    assert (misfit.status_code, misfit.json()["code"]) == (422, "operation_invalid")
    assert misfit.json()["pointer"] == "/operations/1"
    large = smoothed.post(path, {"operations": [{"op": "set", "key": "x", "value": "x" * 70_000}]})
    assert (large.status_code, large.json()["limit"]) == (422, "metadata")
    assert smoothed.get(f"instances/{made}").json()["metadata"] == {"list": [{"a": 1.0}], "n": 2}


@pytest.mark.parametrize(
    ("verb", "body", "pointer"),
    [
        ("tags", {"add": ["x" * 65]}, "/add/0"),
        ("tags", {"add": ["nul\0"]}, "/add/0"),
        ("tags", {"set": []}, "/set"),
        ("metadata", {}, "/operations"),
        ("metadata", {"operations": []}, "/operations"),
        ("metadata", {"operations": [{"op": "double", "key": "a"}]}, "/operations/0/op"),
        ("metadata", {"operations": [{"op": "set", "key": "", "value": 1}]}, "/operations/0/key"),
        ("metadata", {"operations": [{"op": "increment", "key": "a", "by": "1"}]}, "/operations/0/by"),
        ("reschedule", {}, "/run_after"),
        ("reschedule", {"run_after": "tomorrow"}, "/run_after"),
        ("reschedule", {"run_after": "2199-01-01T00:00:00Z"}, "/run_after"),
        ("pause", {"as_of": "2026-01-01T00:00:00"}, "/as_of"),
    ],
)
def test_a_wrong_body_is_pointed_at(acme, verb, body, pointer):
    made = acme.trigger().json()["id"]
    refused = acme.post(f"instances/{made}/{verb}", body)
    assert (refused.status_code, refused.json()["pointer"]) == (400, pointer), refused.content
    assert Instance.objects.get(id=made).last_seq == 1


def test_what_has_started_can_not_be_put_off(acme):
    made = acme.trigger().json()["id"]
    Instance.objects.filter(id=made).update(started_at=timezone.now(), status="running")
    refused = steer(acme, made, "reschedule")
    assert (refused.status_code, refused.json()["code"]) == (409, "already_started")


def test_a_full_buffer_is_answered(smoothed, settings):
    smoothed.trigger()
    made = smoothed.trigger().json()["id"]
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_BYTES": 100}
    full = steer(smoothed, made, "metadata")
    assert (full.status_code, full.json()["code"], full["Retry-After"]) == (503, "buffer_full", "1")


def test_a_key_that_may_only_read_may_not_steer(smoothed, made):
    reader = make_caller("other", scopes=["instances:read"])
    for verb in VERBS:
        assert steer(reader, made, verb).status_code == 403
