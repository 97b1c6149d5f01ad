"""The shadow report over HTTP."""

import pytest

from tests.api.conftest import make_caller
from tests.nowhere import no_redis  # noqa: F401
from tests.waiting import until
from workflows.api import examples
from workflows.scopes import Scopes

SHADOW = {"mode": "shadow", "limit": 1, "window_ms": 3_600_000}


@pytest.fixture
def shadowed(db):
    return make_caller(**SHADOW)


def test_the_report_of_the_org_is_told(shadowed):
    assert [shadowed.trigger().status_code for _ in range(3)] == [201] * 3
    until(lambda: shadowed.get("shadow-report").json()["arrived"] == 3)
    body = shadowed.get("shadow-report?days=1").json()
    assert (body["org"], body["days"], body["over"], body["trips"]) == ("acme", 1, 2, 1)
    assert body["reasons"] == [{"name": "env_rate", "count": 2}]
    assert body["definitions"] == [{"name": "greet", "count": 2}]
    assert list(body) == list(examples.ANSWERS["get_shadow_report", 200]["a week"])


def test_another_org_sees_nothing_of_it(shadowed):
    shadowed.trigger()
    until(lambda: shadowed.get("shadow-report").json()["arrived"])
    assert make_caller("globex").get("shadow-report").json()["arrived"] == 0


@pytest.mark.parametrize("query", ["days=0", "days=93", "days=x", "week=1"])
def test_what_can_not_be_asked_is_refused(shadowed, query):
    answer = shadowed.get(f"shadow-report?{query}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, query.split("=")[0])


def test_a_key_that_may_only_trigger_is_not_told(db):
    answer = make_caller(scopes=[Scopes.TRIGGER_WRITE.value]).get("shadow-report")
    assert answer.status_code == 403


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_to_come_again(shadowed):
    answer = shadowed.get("shadow-report")
    assert (answer.status_code, answer.json()["code"]) == (503, "buffer_unavailable")
    assert answer["Retry-After"] == "1"
