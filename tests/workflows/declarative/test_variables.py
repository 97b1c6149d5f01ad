"""What a line of steps sees, and what it leaves behind."""

from workflows.declarative.variables import Variables


def test_a_change_makes_new_variables_and_leaves_the_old():
    base = {"a": 1}
    first = Variables(base)
    second = first.set({"a": 2, "b": 3}).done("s", 5)
    assert first.names() == {"a": 1, "steps": {}, "loop": {}}
    assert second.names() == {"a": 2, "b": 3, "steps": {"s": 5}, "loop": {}}
    assert base == {"a": 1}


def test_a_line_sees_what_was_before_it_and_keeps_what_it_did_apart():
    outer = Variables({"a": 1}).set({"b": 2}).done("s", 1).line("l.0", {"item": "x"})
    inner = outer.line("m.1", {"cell": "y"}).set({"a": 9}).done("t", 2)
    assert (outer.path, inner.path) == ("l.0/", "l.0/m.1/")
    assert inner.loop == {"item": "x", "cell": "y"}
    assert (inner.changes, inner.results) == ({"a": 9}, {"t": 2})
    assert inner.steps == {"s": 1, "t": 2}


def test_lines_are_joined_in_their_order_with_their_results_or_without():
    before = Variables({"a": 0})
    lines = [before.line("p.a", {}).set({"a": n}).done(f"s{n}", n) for n in (2, 1)]
    assert before.joined(lines, results=False).names() == {"a": 1, "steps": {}, "loop": {}}
    assert before.joined(lines, results=True).steps == {"s2": 2, "s1": 1}
