"""Ways between steps; what is wrong with them is a part of test_checking's table."""

import pytest

from tests.workflows.declarative.documents import act, document, each, parallel
from workflows.declarative import graph, schema
from workflows.declarative.graph import Edge


def test_a_step_leads_to_the_targets_of_its_ports_and_branches():
    steps = schema.parse(document(("l", each("payload", "a", "p")), ("p", parallel("all", "noop", x="b")))).steps
    assert graph.edges("l", steps["l"]) == [
        Edge("/steps/l/next/loop", "a", "loop"),
        Edge("/steps/l/next/done", "p"),
    ]
    assert graph.edges("p", steps["p"]) == [
        Edge("/steps/p/branches/x", "b", "x"),
        Edge("/steps/p/next/success", "noop"),
    ]


@pytest.mark.timeout(20)
def test_a_long_definition_of_many_ways_is_walked_once():
    steps = [(f"s{n}", {**act("echo"), "next": {"success": f"s{n + 1}", "error": f"s{n + 1}"}}) for n in range(2000)]
    long = schema.parse(document(*steps, ("s2000", act())))
    assert graph.faults(long, 3) == []
