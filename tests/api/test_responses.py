"""Every outcome of a submission has its answer."""

import json

import pytest
from uuid_utils.compat import uuid7

from tests.tenants import make_env, seen, trigger
from workflows.api import responses
from workflows.api.problems import Problem
from workflows.intake import outcome, view

ID = uuid7()


@pytest.fixture
def instance(db) -> view.InstanceView:
    env = seen(make_env())
    return view.from_trigger(env, trigger(payload=b'{"b":1,"a":[1.0]}', metadata=b'{"z":null}'), "pending")


def test_what_has_an_instance_is_answered_with_it(instance):
    answers = [
        responses.taken(taken)
        for taken in (
            outcome.Started(instance),
            outcome.Started(instance, fail_open=True),
            outcome.Buffered(instance),
            outcome.Existing(instance),
        )
    ]
    assert [(answer.status, answer.headers) for answer in answers] == [
        (201, None),
        (201, {"Mollifier-Gate": "fail-open"}),
        (202, None),
        (200, {"Idempotent-Replayed": "true"}),
    ]
    assert {answer.instance.id for answer in answers} == {instance.id}


@pytest.mark.parametrize(
    ("refused", "status", "code", "pointer", "retry_after"),
    [
        (outcome.InProgress(ID, 1), 409, "idempotency_in_progress", None, "1"),
        (outcome.Mismatch(ID), 422, "idempotency_mismatch", "/triggers/3/idempotency_key", None),
        (outcome.Rejected("definition_not_found", "no"), 404, "definition_not_found", "/triggers/3/definition", None),
        (outcome.Rejected("definition_inactive", "no"), 422, "definition_inactive", "/triggers/3/definition", None),
        (outcome.Rejected("env_not_found", "no"), 404, "env_not_found", None, None),
        (outcome.Rejected("trigger_invalid", "no"), 422, "trigger_invalid", "/triggers/3", None),
        (outcome.Throttled("throttled_event_backlog", "no", 9), 429, "throttled_event_backlog", None, "9"),
        (outcome.Full("env", 9), 503, "buffer_full", None, "9"),
        (outcome.Full("org", 9), 503, "buffer_full", None, "9"),
        (outcome.Full("total", 9), 503, "buffer_full", None, "9"),
        (outcome.Unavailable(2), 503, "database_unavailable", None, "2"),
    ],
)
def test_what_has_none_is_a_problem(refused, status, code, pointer, retry_after):
    with pytest.raises(Problem) as caught:
        responses.taken(refused, "/triggers/3")
    problem = caught.value
    assert (problem.status, problem.code, problem.pointer) == (status, code, pointer)
    assert problem.headers.get("Retry-After") == retry_after
    assert problem.extra == ({"id": str(ID)} if hasattr(refused, "id") else {})


def test_json_of_the_caller_is_passed_on_as_it_is(instance):
    content = responses.taken(outcome.Started(instance)).as_response().content
    assert b'"payload":{"b":1,"a":[1.0]}' in content
    assert b'"metadata":{"z":null}' in content
    assert json.loads(content)["output"] is None
