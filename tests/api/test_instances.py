"""Read, list and cancel instances, buffered or not."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.utils import timezone

from tests.api.conftest import make_caller
from workflows.intake import lookup
from workflows.models import Event, Instance


def ids(page) -> list[str]:
    return [each["id"] for each in page.json()["data"]]


def test_one_instance_carries_the_tail_of_its_log(acme):
    made = acme.trigger(payload=7).json()
    read = acme.get(f"instances/{made['id']}")
    assert (read.status_code, read["ETag"]) == (200, '"1"')
    assert read.json()["payload"] == 7


@pytest.mark.parametrize("id_", ["019aa5a0-7c1e-7e42-b4f5-0a4f7a5d3c11", "no-uuid", "1", "%00"])
def test_what_is_not_there_is_not_found(acme, id_):
    for path in (f"instances/{id_}", f"instances/{id_}/events"):
        response = acme.get(path)
        assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


def test_a_list_is_newest_first_with_buffered_ones_in_their_place(smoothed):
    made = [smoothed.trigger().json()["id"], smoothed.trigger().json()["id"]]
    made.append(smoothed.trigger(buffer="never").json()["id"])
    page = smoothed.get("instances")
    assert ids(page) == made[::-1]
    assert [each["status"] for each in page.json()["data"]] == ["pending", "buffered", "pending"]
    assert page.json()["next_cursor"] is None


def test_pages_follow_each_other_without_a_gap(smoothed):
    made = [smoothed.trigger(buffer="never" if number % 3 else "auto").json()["id"] for number in range(10)]
    seen, cursor = [], None
    while cursor or not seen:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = smoothed.get(f"instances?{urlencode(query)}")
        assert len(page.json()["data"]) <= 3
        seen += ids(page)
        cursor = page.json()["next_cursor"]
    assert seen == made[::-1]


def test_filters_hold_together(smoothed):
    vip = smoothed.trigger(tags=["vip", "new"]).json()["id"]
    buffered = smoothed.trigger(tags=["vip"]).json()["id"]
    assert ids(smoothed.get("instances?tag=vip")) == [buffered, vip]
    assert ids(smoothed.get("instances?tag=vip&status=buffered")) == [buffered]
    assert ids(smoothed.get("instances?tag=new&status=pending&definition=greet")) == [vip]
    assert ids(smoothed.get("instances?definition=other")) == []
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    assert ids(smoothed.get(f"instances?{urlencode({'since': later})}")) == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "cursor=x", "status=asleep", "page=2", "since=today", "tag=%00"]
)
def test_a_wrong_query_is_named(acme, query):
    response = acme.get(f"instances?{query}")
    assert response.status_code == 400
    assert response.json()["parameter"] == query.split("=")[0]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
def test_a_list_since_the_ends_of_time(acme, time):
    assert acme.get(f"instances?since={time}").status_code == 200


def test_a_log_is_read_in_parts(acme):
    made = acme.trigger(payload={"a": 1}).json()["id"]
    acme.post(f"instances/{made}/cancel", {"reason": "no more"})
    log = acme.get(f"instances/{made}/events").json()
    assert log["last_seq"] == 2
    assert [(event["seq"], event["type"]) for event in log["events"]] == [(1, "created"), (2, "cancelled")]
    assert log["events"][0]["data"] == {"payload": {"a": 1}}
    assert list(log["events"][0]) == ["seq", "type", "correlation_id", "data", "created_at"]
    rest = acme.get(f"instances/{made}/events?after=1").json()
    assert ([event["seq"] for event in rest["events"]], rest["last_seq"]) == ([2], 2)
    assert [event["seq"] for event in acme.get(f"instances/{made}/events?limit=1").json()["events"]] == [1]


def test_a_buffered_instance_has_an_empty_log(smoothed):
    smoothed.trigger()
    made = smoothed.trigger().json()["id"]
    assert smoothed.get(f"instances/{made}/events").json() == {"events": [], "last_seq": 0}


@pytest.mark.parametrize("after", ["-1", "2147483648", "x", "1.5"])
def test_a_log_is_read_from_a_number(acme, after):
    made = acme.trigger().json()["id"]
    assert acme.get(f"instances/{made}/events?after={after}").json()["parameter"] == "after"


def test_cancelling_ends_an_instance(acme):
    made = acme.trigger().json()["id"]
    response = acme.post(f"instances/{made}/cancel", {"reason": "ordered twice"})
    body = response.json()
    assert (response.status_code, response["ETag"], body["status"]) == (200, '"2"', "cancelled")
    assert body["error"] == {"code": "cancelled", "message": "ordered twice"}
    assert body["finished_at"] is not None
    assert Event.objects.get(instance_id=made, seq=2).data["reason"] == "ordered twice"


def test_cancelling_needs_no_body(acme):
    made = acme.trigger().json()["id"]
    assert acme.post(f"instances/{made}/cancel").json()["error"]["message"] == "Cancelled by a caller"


def test_cancelling_twice_is_a_conflict(acme):
    made = acme.trigger().json()["id"]
    acme.post(f"instances/{made}/cancel")
    again = acme.post(f"instances/{made}/cancel")
    assert (again.status_code, again.json()["code"], again.json()["state"]) == (409, "already_finished", "cancelled")


def test_cancelling_in_the_buffer_never_makes_it_run(smoothed):
    smoothed.trigger()
    made = smoothed.trigger().json()["id"]
    response = smoothed.post(f"instances/{made}/cancel", {"reason": "too late"})
    assert (response.status_code, response.json()["status"]) == (200, "cancelled")
    assert response.json()["error"] == {"code": "cancelled", "message": "too late"}
    assert smoothed.get(f"instances/{made}").json()["status"] == "cancelled"
    assert not Instance.objects.filter(id=made).exists()


def test_a_fenced_cancel_is_refused_when_the_log_moved_on(acme):
    made = acme.trigger().json()["id"]
    refused = acme.post(f"instances/{made}/cancel", If_Match='"7"')
    assert (refused.status_code, refused.json()["code"]) == (409, "fence_conflict")
    assert (refused.json()["expected"], refused.json()["current"]) == (7, 1)
    assert acme.post(f"instances/{made}/cancel", If_Match='"1"').status_code == 200


@pytest.mark.parametrize("sent", ["*", 'W/"1"', "x", "-1", "99999999999999999999", '"1", "2"'])
def test_a_fence_is_one_number(acme, sent):
    made = acme.trigger().json()["id"]
    refused = acme.post(f"instances/{made}/cancel", If_Match=sent)
    assert (refused.status_code, refused.json()["parameter"]) == (400, "If-Match")


def test_a_search_narrows_the_list_of_rows_and_entries(smoothed):
    first = smoothed.trigger(tags=["vip"]).json()["id"]
    second = smoothed.trigger(tags=["calm"]).json()["id"]

    def ids(text):
        return [each["id"] for each in smoothed.get("instances?" + urlencode({"q": text})).json()["data"]]

    assert ids("") == ids("age<1h org:acme") == [second, first]
    assert ids("status:buffered") == ids("-vip") == [second]
    assert ids("vip,calm -status:buffered") == [first]


def test_a_search_that_can_not_be_read_names_the_word_and_the_fix(acme):
    make_caller("other")
    for text, said in (("stauts:failed", "write status:"), ("org:other", "there is no org other here")):
        answer = acme.get("instances?" + urlencode({"q": text}))
        assert answer.status_code == 400
        assert (answer.json()["code"], answer.json()["parameter"]) == ("search_invalid", "q")
        assert said in answer.json()["detail"]


def test_a_search_that_takes_too_long_is_given_up(acme, settings, monkeypatch):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SEARCH_MAX_MS": 20}
    monkeypatch.setattr(lookup, "listing", lambda *_: connection.cursor().execute("SELECT pg_sleep(5)"))
    answer = acme.get("instances?q=vip")
    assert (answer.status_code, answer.json()["code"]) == (400, "search_too_wide")
