"""What an emitting process does, in this one."""

import time

import pytest

from bench.chaos import emitter
from tests.bench.chaos import threads
from tests.bound import bind
from tests.tenants import make_env
from workflows.models import Instance, Storm

pytestmark = pytest.mark.django_db(transaction=True)
REFUSED = "throttled_event_backlog"


@pytest.fixture(autouse=True)
def _own_threads():
    with threads.given_back(emitter):
        yield


def emit(env, count, types, name="e"):
    """Emit so many events that are all due, with a hundred seconds left for them."""
    return emitter.emit(str(env.id), time.time() - 100 * (count - 1), 0.01, 100 * count, types, name)


def test_types_take_turns_and_each_event_is_emitted_once():
    env = make_env()
    bind("order.created", limit=0)
    bind("order.paid", limit=0)
    told = emit(env, 12, ["order.created", "order.paid", "order.unheard"])
    assert (told["emitted"], told["errors"], told["refused_at"]) == (12, [], {})
    assert told["outcomes"] == {"greet order.created": {"Started": 4}, "greet order.paid": {"Started": 4}}
    assert told["latest_seconds"] >= 100
    keys = set(Instance.objects.values_list("event_key", flat=True))
    assert keys == {f"e-{number}" for number in range(12) if number % 3 < 2}


def test_what_the_damper_refuses_is_told_with_the_moment_it_was_emitted():
    env = make_env()
    bind("order.created", limit=3)
    began = time.time()
    told = emit(env, 10, ["order.created"])
    assert told["outcomes"] == {"greet order.created": {"Started": 3, REFUSED: 7}}
    opened = Storm.objects.get().opened_at.timestamp()
    assert began <= told["refused_at"]["greet order.created"] <= opened


def test_nothing_is_emitted_after_the_last_moment():
    env = make_env()
    told = emitter.emit(str(env.id), time.time() - 10, 5, 9, ["order.created"], "late")
    assert told["emitted"] == 0


def test_what_is_raised_is_told_and_stops_nothing():
    told = emit(make_env(), 3, ["no type at all"])
    assert told["emitted"] == 0
    assert len(told["errors"]) == 3
    assert told["errors"][0].startswith("an emit raised EventInvalid: type: ")
