"""One trigger over HTTP: started, buffered, existing or refused, and never anything else."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_redis import get_redis_connection

from tests.api.conftest import make_caller
from workflows.intake import refresher
from workflows.models import Definition, Event, Instance


def test_a_trigger_starts_an_instance(acme):
    response = acme.trigger(payload={"order": 1}, tags=["vip"], metadata={"trace": "t"}, idempotency_key="o-1")
    body = response.json()
    assert response.status_code == 201
    assert (body["status"], body["org"], body["env"]) == ("pending", "acme", "production")
    assert (body["payload"], body["tags"], body["metadata"]) == ({"order": 1}, ["vip"], {"trace": "t"})
    assert (body["source"], body["output"], body["error"], body["notice"], body["hooks"]) == (
        "api",
        None,
        None,
        None,
        [],
    )
    row = Instance.objects.get(id=body["id"])
    assert (row.status, row.idempotency_key, row.env_id) == ("pending", "o-1", acme.env.id)
    assert Event.objects.get(instance_id=row.id).data == {"payload": {"order": 1}}


def test_an_instance_shows_all_its_members(acme):
    assert list(acme.trigger().json()) == [
        *("id", "definition", "version", "status", "org", "env", "source", "tags", "metadata"),
        *(
            "metadata_version",
            "payload",
            "output",
            "error",
            "shard",
            "root_id",
            "parent_id",
            "depth",
            "cause",
            "event",
            "hooks",
            "notice",
        ),
        *("accepted_at", "run_after", "created_at", "started_at", "finished_at"),
    ]


def test_a_burst_is_buffered_with_a_notice(smoothed):
    assert smoothed.trigger().status_code == 201
    response = smoothed.trigger(payload=[1, 2])
    body = response.json()
    assert (response.status_code, body["status"], body["payload"], body["created_at"]) == (
        202,
        "buffered",
        [1, 2],
        None,
    )
    assert (body["notice"]["code"], body["notice"]["position"]) == ("env_rate", 1)
    assert body["notice"]["eta_seconds"] >= 0
    assert not Instance.objects.filter(id=body["id"]).exists()


def test_a_buffered_instance_is_read_like_any_other(smoothed):
    smoothed.trigger()
    buffered = smoothed.trigger(payload={"a": 1}).json()
    read = smoothed.get(f"instances/{buffered['id']}").json()
    assert {name: read[name] for name in read if name != "notice"} == {
        name: buffered[name] for name in buffered if name != "notice"
    }


def test_a_mollified_trigger_costs_no_sql_and_one_exchange_with_redis(smoothed):
    smoothed.trigger()
    smoothed.trigger()
    redis = get_redis_connection("buffer")
    before = redis.info("commandstats")
    with CaptureQueriesContext(connection) as queries:
        assert smoothed.trigger().status_code == 202
    assert len(queries) == 0
    after = redis.info("commandstats")
    calls = {
        name: stats["calls"] - before.get(name, {"calls": 0})["calls"]
        for name, stats in after.items()
        if name in ("cmdstat_evalsha", "cmdstat_eval", "cmdstat_fcall", "cmdstat_ping")
    }
    assert sum(calls.values()) == 1


def test_a_trigger_that_will_not_be_buffered_passes(smoothed):
    smoothed.trigger()
    assert smoothed.trigger(buffer="never").status_code == 201


def test_the_same_key_and_body_again_is_the_same_instance(acme):
    first = acme.trigger(payload={"a": 1}, idempotency_key="k")
    again = acme.post("triggers", b'{"definition":"greet", "idempotency_key":"k", "payload": {"a" : 1} }')
    assert (again.status_code, again["Idempotent-Replayed"]) == (200, "true")
    assert again.json()["id"] == first.json()["id"]
    assert "Idempotent-Replayed" not in first


def test_the_same_key_of_a_buffered_trigger_is_the_same_instance(smoothed):
    smoothed.trigger()
    first = smoothed.trigger(idempotency_key="k")
    again = smoothed.trigger(idempotency_key="k")
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (202, 200, "true")
    assert (again.json()["id"], again.json()["status"]) == (first.json()["id"], "buffered")


def test_a_request_that_is_sent_again_is_answered_as_it_was_first(smoothed):
    body = {"definition": "greet", "payload": 1}
    passed = [smoothed.post("triggers", body, X_Request_Id="r-1") for _ in range(3)]
    buffered = [smoothed.post("triggers", body, X_Request_Id="r-2") for _ in range(3)]
    for answers, status in ((passed, 201), (buffered, 202)):
        assert [answer.status_code for answer in answers] == [status] * 3
        assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true", "true"]
        assert len({answer.json()["id"] for answer in answers}) == 1
    assert Instance.objects.count() == 1
    assert smoothed.get("buffer").json()["queued"] == 1


@pytest.mark.parametrize("second", [{"payload": 2}, {"payload": 1, "idempotency_key": "k"}])
def test_another_body_under_the_same_request_id_is_another_trigger(smoothed, second):
    first = smoothed.post("triggers", {"definition": "greet", "payload": 1}, X_Request_Id="r-1").json()
    other = smoothed.post("triggers", {"definition": "greet", **second}, X_Request_Id="r-1")
    assert (other.status_code, other.json()["id"] == first["id"]) == (202, False)


def test_an_answer_tells_what_is_left_of_the_limit(db):
    caller = make_caller(mode="on", limit=2, window_ms=1_500, hold_ms=60_000)
    answers = [caller.trigger() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 202]
    assert [answer["RateLimit-Policy"] for answer in answers] == ['"env";q=2;w=2'] * 3
    assert [answer["RateLimit"] for answer in answers[:2]] == ['"env";r=1;t=2', '"env";r=0;t=2']
    assert answers[2]["RateLimit"].startswith('"env";r=0;t=')


def test_without_a_limit_nothing_is_told_of_one(acme):
    assert "RateLimit" not in acme.trigger()


def test_requests_without_an_id_are_never_the_same(smoothed):
    assert len({smoothed.trigger(payload=1).json()["id"] for _ in range(3)}) == 3


@pytest.mark.parametrize("caller", ["acme", "smoothed"])
def test_the_same_key_with_another_body_is_a_mismatch(caller, request):
    caller = request.getfixturevalue(caller)
    first = caller.trigger(payload=1, idempotency_key="k").json()
    refused = caller.trigger(payload=2, idempotency_key="k")
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_mismatch")
    assert (refused.json()["pointer"], refused.json()["id"]) == ("/idempotency_key", first["id"])


def test_an_unknown_definition_is_not_found(acme):
    refused = acme.trigger("no-such-flow")
    assert (refused.status_code, refused["Content-Type"]) == (404, "application/problem+json")
    assert (refused.json()["code"], refused.json()["pointer"]) == ("definition_not_found", "/definition")
    assert refused.json()["request_id"] == refused["X-Request-Id"]


def test_a_definition_that_is_switched_off_is_refused(acme):
    Definition(slug="greet", active=False).save()
    refresher.refresh()
    refused = acme.trigger()
    assert (refused.status_code, refused.json()["code"]) == (422, "definition_inactive")


@pytest.mark.parametrize("field", ["ttl_seconds", "debounce", "id", "org", "env"])
def test_a_field_that_is_not_honoured_is_refused(acme, field):
    refused = acme.trigger(**{field: 5})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_field")
    assert refused.json()["pointer"] == f"/{field}"
    assert not Instance.objects.exists()


def test_a_trigger_may_wait_for_its_time(acme):
    made = acme.trigger(run_after="2099-01-01T00:00:00Z")
    assert (made.status_code, made.json()["pointer"]) == (400, "/run_after")
    body = acme.trigger(run_after="2000-01-01T00:00:00+02:00").json()
    assert Instance.objects.get(id=body["id"]).wake_at is not None


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_the_ends_of_time_are_no_accident(acme, time):
    assert acme.trigger(run_after=time).status_code in (201, 400)


def test_tags_are_kept_once_and_ten_at_most(acme):
    assert acme.trigger(tags=["b", "a", "b"]).json()["tags"] == ["b", "a"]
    refused = acme.trigger(tags=[str(number) for number in range(11)])
    assert (refused.status_code, refused.json()["pointer"]) == (400, "/tags")


def test_a_payload_over_the_cap_is_too_large(acme, settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "MAX_PAYLOAD_BYTES": 1000, "MAX_METADATA_BYTES": 100}
    assert acme.trigger(payload="x" * 998).status_code == 201
    refused = acme.trigger(payload="x" * 999)
    assert (refused.status_code, refused.json()["code"], refused.json()["pointer"]) == (
        413,
        "payload_too_large",
        "/payload",
    )
    refused = acme.trigger(metadata={"a": "x" * 100})
    assert (refused.status_code, refused.json()["pointer"]) == (413, "/metadata")


def test_a_body_over_the_cap_is_refused_before_it_is_read(acme):
    refused = acme.post("triggers", b" " * (1024 * 1024 + 1))
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


def test_a_payload_of_half_a_megabyte_is_taken(acme):
    assert acme.trigger(payload="x" * 500_000).status_code == 201


def test_a_full_buffer_says_when_to_come_again(smoothed, settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 1}
    assert [smoothed.trigger().status_code for _ in range(2)] == [201, 202]
    refused = smoothed.trigger()
    assert (refused.status_code, refused.json()["code"]) == (503, "buffer_full")
    assert int(refused["Retry-After"]) >= 1


@pytest.mark.parametrize(
    "text", ['"\\ud83d\\ude00 and \\u00e9"', '{"b":1,"a":[1.5,-0.0,null,true]}', "18446744073709551615"]
)
def test_a_payload_comes_back_as_it_was_sent(acme, text):
    body = acme.post("triggers", f'{{"definition":"greet","payload":{text}}}'.encode())
    assert body.status_code == 201
    read = acme.get(f"instances/{body.json()['id']}")
    sent = acme.post("triggers", f'{{"definition":"greet","payload":{text}}}'.encode()).json()["payload"]
    assert read.json()["payload"] == sent


def test_other_methods_are_not_allowed(acme):
    response = acme.get("triggers")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response["Allow"] == "POST"


def test_an_id_is_a_time_ordered_uuid(acme):
    first, second = (uuid.UUID(acme.trigger().json()["id"]) for _ in range(2))
    assert (first.version, first < second) == (7, True)
