"""Chains that go on over HTTP: an action of an instance of one tenant asks this very service for another tenant."""

import pytest

from tests.api.conftest import make_caller
from tests.bound import bind
from tests.tenants import request
from workflows.intake import submission
from workflows.models import Instance

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ask(live_server, run):
    """Send a request with the http action of an instance; return the body of the answer."""
    base = live_server.url.replace("localhost", "127.0.0.1")

    def ask_(instance, caller, path, **body):
        headers = {"Authorization": f"Bearer {caller.key}"}
        sent = {"url": f"{base}/api/v1/{path}", "method": "POST", "headers": headers, "json": body}
        return run("http", sent, instance=str(instance))["body"]

    return ask_


def test_what_an_action_starts_stands_below_its_instance_and_a_loop_through_it_is_avoided(transactional_db, env, ask):
    bind("order.created", loop_policy="avoid_loop")
    other = make_caller("other")
    first = submission.submit(request(env)).instance.id
    second = Instance.objects.get(id=ask(first, other, "triggers", definition="noop")["id"])
    assert (second.root_id, second.parent_id, second.depth, second.chain) == (first, first, 1, ["greet"])
    (outcome,) = ask(second.id, other, "events", type="order.created", payload={})["outcomes"]
    assert (outcome["outcome"], outcome["reason"]) == ("throttled", "throttled_cascade")


def test_an_event_that_an_action_sends_of_an_instance_unknown_there_is_met_by_its_chain_alone(
    transactional_db, env, ask
):
    bind("order.created", loop_policy="avoid_loop")
    other = make_caller("other")
    first = submission.submit(request(env)).instance.id
    (outcome,) = ask(first, other, "events", type="order.created", payload={})["outcomes"]
    assert (outcome["outcome"], outcome["reason"]) == ("throttled", "throttled_cascade")
