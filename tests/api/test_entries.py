"""Entries of the buffer over HTTP, and what is decided about dead letters."""

import uuid

import pytest

from mollifier import buffer
from mollifier.entry import Fail, Settlement
from tests.api.conftest import make_caller
from tests.api.test_examples import agree
from workflows.api import examples
from workflows.models import DeadLetterDecision


def mollify(caller, count=1):
    caller.trigger()
    return [caller.trigger(idempotency_key=f"k{number}").json()["id"] for number in range(count)]


def bury(count=1):
    claimed = buffer.claim(uuid.uuid4().hex, count, 60_000)
    reports = [Fail(entry.id, "54000: index row size exceeds the maximum") for entry in claimed.entries]
    assert set(buffer.settle(claimed.token, reports)) == {Settlement.FAILED}


def listed(caller, query=""):
    answer = caller.get(f"buffer/entries{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_entries_are_listed_by_state_page_by_page(smoothed):
    ids = mollify(smoothed, 5)
    bury()
    first = listed(smoothed, "?limit=3")
    assert [entry["id"] for entry in first["data"]] == ids[:1:-1]
    second = listed(smoothed, f"?limit=3&cursor={first['next_cursor']}")
    assert [entry["id"] for entry in second["data"]] == ids[1::-1]
    assert second["next_cursor"] is None
    (failed,) = listed(smoothed, "?state=failed")["data"]
    ((shown,),) = [example["data"] for example in examples.ANSWERS["list_entries", 200].values()]
    agree({**shown, "definition": "greet", "attempts": 0}, failed)


def test_a_redriven_letter_is_queued_again(smoothed):
    (one,) = mollify(smoothed)
    bury()
    answer = smoothed.post(f"buffer/entries/{one}/redrive", {"reason": "mended"})
    assert (answer.status_code, answer.json()) == (200, {"id": one, "outcome": "redriven"})
    assert [entry["state"] for entry in listed(smoothed)["data"]] == ["queued"]
    decision = DeadLetterDecision.objects.get()
    assert (str(decision.entry_id), decision.decision, decision.reason) == (one, "redriven", "mended")
    assert decision.actor_name == f"api key {smoothed.key.split('_')[1]}"


def test_a_discarded_letter_is_gone_and_its_record_stays(smoothed):
    (one,) = mollify(smoothed)
    bury()
    answer = smoothed.post(f"buffer/entries/{one}/discard", {"reason": "a test"})
    assert (answer.status_code, answer.json()) == (200, {"id": one, "outcome": "discarded"})
    assert listed(smoothed)["data"] == []
    assert smoothed.get(f"instances/{one}").status_code == 404
    decision = DeadLetterDecision.objects.get()
    assert (decision.decision, decision.definition, decision.error[:5]) == ("discarded", "greet", "54000")
    again = smoothed.trigger(idempotency_key="k0")
    assert again.json()["id"] != one


@pytest.mark.parametrize("verb", ["redrive", "discard"])
def test_what_is_no_dead_letter_is_left_alone(smoothed, verb):
    (one,) = mollify(smoothed)
    refused = smoothed.post(f"buffer/entries/{one}/{verb}", {"reason": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_failed")
    assert not DeadLetterDecision.objects.exists()


@pytest.mark.parametrize("verb", ["redrive", "discard"])
def test_another_environments_letter_can_not_be_meant(smoothed, verb):
    (one,) = mollify(smoothed)
    bury()
    globex = make_caller("globex")
    assert globex.post(f"buffer/entries/{one}/{verb}", {"reason": "x"}).status_code == 404
    assert listed(globex)["data"] == []
    assert len(listed(smoothed, "?state=failed")["data"]) == 1


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x", "force": True}])
def test_a_decision_needs_a_reason_and_nothing_else(smoothed, body):
    (one,) = mollify(smoothed)
    bury()
    assert smoothed.post(f"buffer/entries/{one}/discard", body).status_code == 400
    assert len(listed(smoothed, "?state=failed")["data"]) == 1


@pytest.mark.parametrize("query", ["?state=gone", "?cursor=x", "?limit=0", "?limit=201", "?colour=red"])
def test_a_query_that_can_not_be_is_refused(smoothed, query):
    assert smoothed.get(f"buffer/entries{query}").status_code == 400


def test_a_key_without_the_scope_may_neither_list_nor_decide(db):
    caller = make_caller(scopes=["trigger:write", "instances:read"])
    assert caller.get("buffer/entries").status_code == 403
    assert caller.post(f"buffer/entries/{uuid.uuid4()}/discard", {"reason": "x"}).status_code == 403
