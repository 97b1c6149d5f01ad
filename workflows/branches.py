"""The coroutines of one instance: how they fork, join, race and end. Knows nothing of logs; pure.

A branch runs until what it awaits has no answer yet. Who owns the branches answers by `resume`.
"""

import inspect
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from workflows.operations import ContextMisused, Disposed, Fork, Gather, Race

# Blocks inside one another that await when they are left; code that will not be left is let go of after so many.
MOST_BLOCKS = 100


@dataclass(slots=True, eq=False)
class Branch:
    """One line of execution: the workflow itself, or one of a fork. A bare operation has no coroutine.

    `awaits` is the join it has opened, or the correlation id of its operation; `counts` numbers those by kind.
    """

    path: str
    coroutine: Coroutine[Any, Any, Any] | None
    join: "Join | None" = None
    index: int = 0
    awaits: "Join | str | None" = None
    disposing: bool = False
    counts: dict[str, int] = field(default_factory=dict)

    def name(self, kind: str) -> str:
        """Return the next name of this kind below its path."""
        number = self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{self.path}{kind}:{number}"


@dataclass(slots=True, eq=False)
class Join:
    """A fork in progress. `open` counts the branches that run, and one more while they are started or disposed of."""

    parent: Branch
    names: tuple[str, ...] | None
    results: list[Any]
    open: int
    branches: list[Branch] = field(default_factory=list)
    error: BaseException | None = None
    winner: int | None = None
    starting: bool = True
    disposed: bool = False

    @property
    def decided(self) -> bool:
        """Whether a race has its winner."""
        return self.names is not None and self.winner is not None

    def take(self, index: int, value: Any, error: BaseException | None) -> None:
        """Keep a branch's outcome; in a race only the first counts."""
        if self.names is None:
            self.results[index] = value
            self.error = self.error or error
        elif self.winner is None:
            self.winner, self.results, self.error = index, [value], error

    def outcome(self) -> "Given":
        if self.disposed:
            return Given(error=Disposed())
        if self.error is not None:
            return Given(error=self.error)
        if self.names is None:
            return Given(self.results)
        return Given((self.names[self.winner or 0], self.results[0]))


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that is there already."""

    value: Any = None
    error: BaseException | None = None


class Branches:
    """Runs them. `ask` notes an operation that a branch awaits, or answers it at once; `drop` forgets one."""

    __slots__ = ("_all", "_ask", "_drop", "ended")

    def __init__(self, ask: Callable[[Branch, Any], Given | None], drop: Callable[[str], None]) -> None:
        self._ask = ask
        self._drop = drop
        self._all: set[Branch] = set()
        self.ended: Given | None = None

    def start(self, coroutine: Any) -> None:
        """Run the workflow itself until it waits."""
        self.resume(self._branch("", coroutine), Given())

    def resume(self, branch: Branch, given: Given) -> None:
        """Give a branch what it awaits, and run it until it waits again, or ends."""
        branch.awaits = None
        coroutine = branch.coroutine
        if coroutine is None:
            return self._end(branch, given)
        while True:
            try:
                asked = coroutine.send(given.value) if given.error is None else coroutine.throw(given.error)
            except StopIteration as stop:
                return self._end(branch, Given(stop.value))
            except KeyboardInterrupt:
                raise
            except BaseException as raised:  # noqa: BLE001 - whatever else it raises is its outcome
                return self._end(branch, Given(error=raised))
            answer = self._open(branch, asked) if isinstance(asked, Fork) else self._ask(branch, asked)
            if answer is None:
                return None
            given = answer

    def close(self) -> None:
        """End the coroutines where they stand."""
        for branch in self._all:
            if branch.coroutine is not None:
                _close(branch.coroutine)
        self._all.clear()

    def _open(self, parent: Branch, fork: Fork) -> Given | None:
        """Start every branch of a fork; its outcome, when none of them has to wait."""
        match fork:
            case Gather(branches):
                names, kind = None, "gather"
                labels = tuple(map(str, range(len(branches))))
            case Race(named):
                names, kind, branches = tuple(named), "race", tuple(named.values())
                labels = names
        join = parent.awaits = Join(parent, names, [None] * len(branches), len(branches) + 1)
        path = parent.name(kind)
        for index, (label, each) in enumerate(zip(labels, branches, strict=True)):
            self._start(self._branch(f"{path}.{label}/", each, join, index), each)
        join.starting = False
        if join.decided:
            self._dispose_all(join)
        join.open -= 1
        return None if join.open else join.outcome()

    def _start(self, branch: Branch, each: Any) -> None:
        if branch.join is not None:
            branch.join.branches.append(branch)
        if branch.coroutine is not None:
            self.resume(branch, Given())
            return
        answer = self._open(branch, each) if isinstance(each, Fork) else self._ask(branch, each)
        if answer is not None:
            self._end(branch, answer)

    def _branch(self, path: str, what: Any, join: Join | None = None, index: int = 0) -> Branch:
        branch = Branch(path, what if inspect.iscoroutine(what) else None, join, index)
        self._all.add(branch)
        return branch

    def _end(self, branch: Branch, given: Given) -> None:
        """Keep a branch's outcome; the last one of a fork resumes its parent."""
        self._all.discard(branch)
        join = branch.join
        if join is None:
            self.ended = given
            return
        was_decided = join.decided
        join.take(branch.index, given.value, given.error)
        if join.decided and not was_decided and not join.starting:
            self._dispose_all(join)
        join.open -= 1
        if not join.open:
            self.resume(join.parent, join.outcome())

    def _dispose_all(self, join: Join) -> None:
        """Dispose of every branch that still runs; the join stays open meanwhile."""
        join.open += 1
        for branch in join.branches:
            if branch in self._all:
                self._dispose(branch)
        join.open -= 1

    def _dispose(self, branch: Branch) -> None:
        if branch.disposing:
            return
        branch.disposing = True
        match branch.awaits:
            case Join() as join:
                join.disposed = True
                self._dispose_all(join)
                if not join.open:
                    self.resume(branch, join.outcome())
                return
            case str() as name:
                self._drop(name)
            case None:
                # It has not come to its first await, and is not to.
                pass
        self.resume(branch, Given(error=Disposed()))


def _close(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Leave one block after the other: each `finally` may fail or await, and nothing of it is recorded any more."""
    for _ in range(MOST_BLOCKS):
        with suppress(Exception, Disposed):
            coroutine.close()
            return


def misused(asked: Any) -> Given:
    return Given(error=ContextMisused(f"a workflow awaits only what ctx gives, not {asked!r}"))
