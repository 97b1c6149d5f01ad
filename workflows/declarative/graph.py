"""The graph of a definition: what leads where, in which line each step stands, and what is wrong with that.

A line starts at the trigger, behind a loop's `loop`, or with a branch of a parallel; it ends with `noop`, with a step
that has no `next`, and in a loop also by leading back to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from workflows.declarative.faults import Fault, at
from workflows.declarative.schema import END, STEP_ID, Document, Loop, Parallel, Step, Trigger

# The steps whose lines one stands in, from the outside; each with the port or branch that begins it.
Lines = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """One way from a step; `opens` names the line it begins, if it begins one."""

    path: str
    target: str
    opens: str = ""


def faults(document: Document, max_depth: int) -> list[Fault]:
    """Return what is wrong with how the steps hang together."""
    found = list(_of_triggers(document))
    for name, step in document.steps.items():
        found += _of_ports(name, step)
        found += _of_targets(document, edges(name, step))
    return found or _Walk(document, max_depth).faults()


def edges(name: str, step: Step) -> list[Edge]:
    """Return every way from a step that leads to another."""
    path = at("/steps", name)
    opens = "loop" if isinstance(step, Loop) else ""
    ways = [Edge(at(path, "next", port), to, port if port == opens else "") for port, to in step.next.items()]
    if isinstance(step, Parallel):
        ways = [Edge(at(path, "branches", branch), to, branch) for branch, to in step.branches.items()] + ways
    return ways


def _of_triggers(document: Document) -> Iterator[Fault]:
    triggers = [name for name, step in document.steps.items() if isinstance(step, Trigger)]
    if not triggers:
        yield Fault("/steps", "There is no trigger: one step has the type `trigger`.")
    for name in triggers[1:]:
        yield Fault(at("/steps", name, "type"), f"There is a trigger already: {triggers[0]!r}.")


def _of_ports(name: str, step: Step) -> Iterator[Fault]:
    path = at("/steps", name, "next")
    for port in step.next:
        if port not in (*step.ports, *step.optional_ports):
            known = ", ".join((*step.ports, *step.optional_ports))
            yield Fault(at(path, port), f"{port[:64]!r} is no port of this step; there are: {known}.")
    missing = [port for port in step.ports if port not in step.next]
    if missing and (step.next or isinstance(step, Loop)):
        said = ", ".join(missing)
        yield Fault(path, f"The port {said} leads nowhere: name a step, or `{END}` to end there.")
    if isinstance(step, Parallel):
        yield from _of_branches(step, at("/steps", name, "branches"))


def _of_branches(step: Parallel, path: str) -> Iterator[Fault]:
    if not step.branches:
        yield Fault(path, "Name the step that each branch starts with.")
    for branch in step.branches:
        if not STEP_ID.fullmatch(branch):
            yield Fault(at(path, branch), f"{branch[:64]!r} can't be the name of a branch.")


def _of_targets(document: Document, ways: list[Edge]) -> Iterator[Fault]:
    for edge in ways:
        if edge.target == END:
            if edge.opens:
                yield Fault(edge.path, "A line that begins here needs a step.")
        elif edge.target not in document.steps:
            yield Fault(edge.path, f"There is no step {edge.target[:64]!r}.")
        elif isinstance(document.steps[edge.target], Trigger):
            yield Fault(edge.path, "Nothing leads to the trigger.")


class _Walk:
    """Depth first from the trigger; `_open` are the steps on the way here, `_lines` those seen with their line."""

    def __init__(self, document: Document, max_depth: int) -> None:
        self._document = document
        self._max_depth = max_depth
        self._lines: dict[str, Lines] = {}
        self._open: set[str] = set()
        self._found: list[Fault] = []

    def faults(self) -> list[Fault]:
        self._walk(self._document.start)
        unreached = [name for name in self._document.steps if name not in self._lines]
        # Whatever a refused way leads to is not reached either; only the first cause is told.
        if not self._found:
            self._found += [Fault(at("/steps", name), "Nothing leads to this step.") for name in unreached]
        return self._found

    def _walk(self, start: str) -> None:
        stack: list[tuple[str, Iterator[Edge]]] = [self._enter(start, ())]
        while stack:
            name, ways = stack[-1]
            edge = next(ways, None)
            if edge is None:
                self._open.discard(name)
                stack.pop()
                continue
            lines = (*self._lines[name], (name, edge.opens)) if edge.opens else self._lines[name]
            if self._goes_on(edge, lines):
                stack.append(self._enter(edge.target, lines))

    def _enter(self, name: str, lines: Lines) -> tuple[str, Iterator[Edge]]:
        self._lines[name] = lines
        self._open.add(name)
        return name, iter(edges(name, self._document.steps[name]))

    def _goes_on(self, edge: Edge, lines: Lines) -> bool:
        """Say whether a way leads to a step that was not seen, and keep what is wrong with it."""
        target = edge.target
        if target == END or (lines and lines[-1] == (target, "loop") and not edge.opens):
            return False
        if target in self._open:
            self._found.append(Fault(edge.path, f"This leads back to {target!r}; only a loop repeats steps."))
            return False
        if target in self._lines:
            if self._lines[target] != lines:
                said = f"{target!r} stands {_named(self._lines[target])}, and this way comes from {_named(lines)}"
                self._found.append(Fault(edge.path, f"{said}; a step stands in one line."))
            return False
        if len(lines) > self._max_depth:
            self._found.append(Fault(edge.path, f"Loops and parallels are nested deeper than {self._max_depth}."))
            return False
        return True


def _named(lines: Lines) -> str:
    return f"inside of {lines[-1][0]!r} ({lines[-1][1]})" if lines else "outside of loops and branches"
