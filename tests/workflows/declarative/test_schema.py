"""Documents as structs."""

import pytest

from tests.workflows.declarative.documents import act, document, wait
from workflows.declarative import schema
from workflows.declarative.schema import Action, Retry, Trigger, Wait


def test_a_document_becomes_structs_with_the_defaults_filled_in():
    parsed = schema.parse(document(("a", act(retry={"max_retries": 2})), variables={"x": 1}))
    assert isinstance(parsed.steps["start"], Trigger)
    assert parsed.steps["a"] == Action(
        type="action", action="echo", next={"success": "noop"}, retry=Retry(max_retries=2)
    )
    assert (parsed.start, parsed.variables, parsed.retry) == ("start", {"x": 1}, None)


@pytest.mark.parametrize(
    ("members", "ports"),
    [
        ({"seconds": 1}, ("success",)),
        ({"hook": "h"}, ("success",)),
        ({"hook": "h", "timeout_seconds": 5}, ("success", "timeout")),
    ],
)
def test_only_a_hook_with_a_time_out_has_a_port_for_it(members, ports):
    step = schema.parse(document(("w", wait(**members)))).steps["w"]
    assert isinstance(step, Wait)
    assert step.ports == ports


def test_a_fault_inside_of_a_list_points_into_it():
    messages = {"type": "llm", "model": "m", "endpoint": "e", "messages": [{}, "hello"]}
    (fault,) = schema.faults(document(("m", messages)))
    assert fault.path == "/steps/m/messages/1"
