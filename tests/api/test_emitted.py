"""Events over HTTP."""

from uuid import uuid4

import pytest

from tests.api.conftest import make_caller
from tests.bound import bind
from workflows.models import EmittedEvent, Instance

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(transactional_db):
    return make_caller()


def emit(caller, headers=None, **fields):
    return caller.post("events", {"type": "order.created"} | fields, **(headers or {}))


def test_an_event_starts_what_is_bound_and_tells_each_outcome(acme):
    bind("order.created", limit=1), bind("order.*", definition="nowhere")
    said = emit(acme, payload={"n": 1}, key="evt-1")
    assert said.status_code == 202
    started, rejected = said.json()["outcomes"]
    assert (started["outcome"], started["reason"]) == ("started", None)
    assert (rejected["outcome"], rejected["reason"]) == ("rejected", "definition_not_found")
    shown = acme.get(f"instances/{started['instance_id']}").json()
    assert (shown["source"], shown["event"]) == ("event", {"type": "order.created", "key": "evt-1"})
    again = emit(acme, payload={"n": 1}, key="evt-1").json()["outcomes"][0]
    assert (again["outcome"], again["instance_id"]) == ("existing", started["instance_id"])
    over = emit(acme, key="evt-2").json()["outcomes"][0]
    assert (over["outcome"], over["reason"], over["instance_id"]) == ("throttled", "throttled_event_backlog", None)
    assert "limit is 1" in over["message"]


def test_an_event_that_nothing_is_bound_to_is_taken(acme):
    assert emit(acme).json()["outcomes"] == []


def test_a_resend_of_the_same_request_is_the_same_event(acme):
    bind("order.created")
    first, again, other = (
        emit(acme, {"X_Request_Id": "r-1"}, payload=payload).json()["outcomes"][0] for payload in (1, 1, 2)
    )
    assert (again["outcome"], again["instance_id"]) == ("existing", first["instance_id"])
    assert other["outcome"] == "started"


def test_without_a_key_or_a_request_id_each_event_is_a_new_one(acme):
    bind("order.created")
    assert [emit(acme).json()["outcomes"][0]["outcome"] for _ in range(2)] == ["started"] * 2


def test_a_cause_that_is_an_instance_is_the_parent_of_what_is_started(acme):
    bind("order.created", loop_policy="allow_all")
    root = acme.trigger().json()["id"]
    child = emit(acme, cause=root).json()["outcomes"][0]["instance_id"]
    shown = acme.get(f"instances/{child}").json()
    assert (shown["root_id"], shown["parent_id"], shown["depth"], shown["cause"]) == (root, root, 1, root)
    assert [each["id"] for each in acme.get(f"instances/{child}/tree").json()["data"]] == [root, child]


def test_a_cause_that_is_no_instance_is_only_kept(acme):
    bind("order.created")
    cause = str(uuid4())
    shown = acme.get(f"instances/{emit(acme, cause=cause).json()['outcomes'][0]['instance_id']}").json()
    assert (shown["cause"], shown["parent_id"], shown["depth"]) == (cause, None, 0)


def test_headers_carry_a_chain_from_elsewhere_and_stop_a_loop_through_it(acme):
    bind("order.created")
    sent = {"Mollifier_Parent": str(uuid4()), "Mollifier_Root": str(uuid4()), "Mollifier_Depth": "4"}
    child = emit(acme, sent).json()["outcomes"][0]["instance_id"]
    shown = acme.get(f"instances/{child}").json()
    assert (shown["root_id"], shown["depth"]) == (sent["Mollifier_Root"], 5)
    looping = emit(acme, sent | {"Mollifier_Chain": "a,greet"}, key="loop").json()["outcomes"][0]
    assert (looping["outcome"], looping["reason"]) == ("throttled", "throttled_cascade")
    refused = acme.post("triggers", {"definition": "greet"}, **(sent | {"Mollifier_Depth": "10"}))
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled_cascade")


def test_a_trigger_names_its_parent(acme):
    root = acme.trigger().json()["id"]
    child = acme.trigger(parent=root).json()
    assert (child["root_id"], child["parent_id"], child["depth"]) == (root, root, 1)
    batch = acme.post("triggers/batch", {"triggers": [{"definition": "greet", "parent": child["id"]}]}).json()
    assert batch["results"][0]["instance"]["depth"] == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"type": "order created"}, "/type"),
        ({"type": "order.*"}, "/type"),
        ({"type": "order.created\n"}, "/type"),
        ({"type": "a" * 101}, "/type"),
        ({}, "/type"),
        ({"type": "a", "key": ""}, "/key"),
        ({"type": "a", "cause": "me"}, "/cause"),
        ({"type": "a", "env": "staging"}, "/env"),
    ],
)
def test_what_is_no_event_is_refused_with_a_pointer(acme, body, pointer):
    refused = acme.post("events", body)
    assert (refused.status_code, refused.json()["pointer"]) == (400, pointer)


def test_a_payload_that_is_too_large_is_refused(acme):
    refused = emit(acme, payload="x" * 600_000)
    assert (refused.status_code, refused.json()["code"]) == (413, "payload_too_large")


def test_another_tenants_binding_starts_nothing(acme):
    other = make_caller("other")
    bind("order.created", org=other.env.org)
    assert emit(acme).json()["outcomes"] == []
    assert len(emit(other).json()["outcomes"]) == 1


def test_what_the_buffer_has_no_room_for_is_kept(settings, transactional_db):
    full = make_caller(mode="on", limit=1, window_ms=3_600_000)
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 1}
    bind("order.created")
    for _ in range(2):
        full.trigger()
    said = emit(full).json()
    assert (said["kept"], said["outcomes"][0]["outcome"]) == (True, "full")
    assert str(EmittedEvent.objects.get().id) == said["event_id"]


def test_a_key_without_the_scope_emits_nothing(transactional_db):
    reader = make_caller(scopes=["instances:read"])
    bind("order.created")
    assert emit(reader).status_code == 403
    assert Instance.objects.count() == 0
