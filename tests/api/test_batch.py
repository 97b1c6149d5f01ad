"""Many triggers in one request, each for itself."""

import msgspec

from workflows.models import Instance


def send(caller, *triggers):
    return caller.post("triggers/batch", {"triggers": triggers})


def test_results_keep_the_order_and_stand_for_themselves(acme):
    response = send(
        acme,
        {"definition": "greet", "payload": 0},
        {"definition": "no-such-flow"},
        {"definition": "greet", "tags": [7]},
        7,
        {"definition": "greet", "payload": 4},
    )
    body = response.json()
    assert response.status_code == 200
    assert [(result["index"], result["status"]) for result in body["results"]] == [
        *((0, 201), (1, 404), (2, 400), (3, 400), (4, 201)),
    ]
    assert [result["problem"]["pointer"] for result in body["results"] if "problem" in result] == [
        *("/triggers/1/definition", "/triggers/2/tags/0", "/triggers/3"),
    ]
    assert [result["instance"]["payload"] for result in body["results"] if "instance" in result] == [0, 4]
    assert body["summary"] == {"started": 2, "buffered": 0, "existing": 0, "refused": 3}
    assert body["results"][1]["problem"]["request_id"] == response["X-Request-Id"]
    assert Instance.objects.count() == 2


def test_what_is_over_the_limit_is_buffered(smoothed):
    body = send(smoothed, *({"definition": "greet", "payload": number} for number in range(5))).json()
    assert [result["status"] for result in body["results"]] == [201, 202, 202, 202, 202]
    assert [result["instance"]["notice"]["position"] for result in body["results"][1:]] == [1, 2, 3, 4]
    assert body["summary"] == {"started": 1, "buffered": 4, "existing": 0, "refused": 0}


def test_a_full_buffer_refuses_what_does_not_fit(smoothed, settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 1}
    response = send(smoothed, *({"definition": "greet"} for _ in range(3)))
    last = response.json()["results"][2]
    assert (last["status"], last["problem"]["code"]) == (503, "buffer_full")
    assert last["problem"]["retry_after_seconds"] >= 1
    assert "Mollifier-Gate" not in response


def test_a_key_sent_twice_in_one_batch_is_one_instance(acme):
    trigger = {"definition": "greet", "idempotency_key": "k"}
    first, second = send(acme, trigger, trigger).json()["results"]
    assert (first["status"], second["status"], second["replayed"]) == (201, 200, True)
    assert first["instance"]["id"] == second["instance"]["id"]
    assert "replayed" not in first


def test_a_batch_that_is_sent_again_is_the_same_batch(smoothed):
    triggers = [{"definition": "greet", "payload": 1} for _ in range(4)]
    first, again = (
        smoothed.post("triggers/batch", {"triggers": triggers}, X_Request_Id="r-1").json()["results"] for _ in range(2)
    )
    assert [each["status"] for each in first] == [each["status"] for each in again] == [201, 202, 202, 202]
    assert [each["instance"]["id"] for each in first] == [each["instance"]["id"] for each in again]
    assert [each.get("replayed") for each in again] == [True] * 4
    assert Instance.objects.count() == 1


def test_an_empty_batch_is_done(acme):
    assert send(acme).json() == {"results": [], "summary": {"started": 0, "buffered": 0, "existing": 0, "refused": 0}}


def test_a_thousand_are_taken_and_one_more_is_not(acme):
    body = send(acme, *({"definition": "greet", "payload": number} for number in range(1000))).json()
    assert body["summary"]["started"] == 1000
    refused = send(acme, *({"definition": "greet"} for _ in range(1001)))
    assert (refused.status_code, refused.json()["pointer"]) == (400, "/triggers")
    assert Instance.objects.count() == 1000


def test_a_batch_over_five_megabytes_is_too_large(acme):
    refused = acme.post("triggers/batch", b" " * (5 * 1024 * 1024 + 1))
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


def test_a_body_that_is_no_batch_is_refused_whole(acme):
    for body, pointer in ((b"[]", ""), (b'{"triggers":7}', "/triggers"), (b'{"triggers":[', ""), (b"{}", "/triggers")):
        refused = acme.post("triggers/batch", body)
        assert (refused.status_code, refused.json()["pointer"]) == (400, pointer)
    refused = acme.post("triggers/batch", {"triggers": [], "atomic": True})
    assert (refused.json()["code"], refused.json()["pointer"]) == ("unknown_field", "/atomic")


def test_a_deep_trigger_is_refused_alone(acme):
    deep = msgspec.Raw(b"[" * 500 + b"]" * 500)
    body = send(acme, {"definition": "greet", "payload": deep}, {"definition": "greet"}).json()
    assert [result["status"] for result in body["results"]] == [400, 201]
    assert body["results"][0]["problem"]["code"] == "too_deep"
