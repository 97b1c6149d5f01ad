"""Drives a workflow's coroutine over its log: pure, no clock, no I/O.

Events are delivered one at a time in log order, each until nothing moves, so a rebuilt coroutine goes the way the
first one went. What it then awaits stands in `pending`; who runs it reads `fresh`, acts, appends, and delivers.
"""

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from workflows.context import Context, ContextMisused, Gather, Sleep, StepCall
from workflows.fence import Failure
from workflows.states import EventType

decode = msgspec.json.decode


class ReplayDivergence(Exception):
    """The log contradicts what the code asks for: the code of this version was changed in flight."""

    code = "replay_divergence"


class StepFailed(Exception):
    """Raised where a workflow awaits a step that failed for good. `code` is the step's, `kind` its exception's name."""

    def __init__(self, code: str, message: str, kind: str) -> None:
        super().__init__(message)
        self.code = code
        self.kind = kind


@dataclass(slots=True, eq=False)
class Branch:
    """One line of execution: the workflow itself, or one of a gather. A bare operation has no coroutine."""

    path: str
    coroutine: Coroutine[Any, Any, Any] | None
    join: "Join | None" = None
    index: int = 0
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Join:
    """A gather in progress; `open` counts the branches that run, and one more while they are being started."""

    parent: Branch
    results: list[Any]
    open: int
    error: BaseException | None = None


@dataclass(slots=True, eq=False)
class Pending:
    """An operation that is awaited. `attempt` counts recorded failures; `due_at` is set by a wait or a retry."""

    correlation_id: str
    call: "StepCall[Any] | Sleep"
    branch: Branch
    attempt: int = 0
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """The workflow returned; `output` is JSON text."""

    output: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The workflow raised."""

    failure: Failure


class Replay:
    """One coroutine and where it stands."""

    __slots__ = ("_asked", "_branches", "_function", "_instance_id", "fresh", "pending", "result")

    def __init__(self, function: Callable[[Any, Any], Awaitable[Any]], instance_id: UUID) -> None:
        self._function = function
        self._instance_id = instance_id
        self._asked: set[str] = set()
        self._branches: set[Branch] = set()
        self.pending: dict[str, Pending] = {}
        self.fresh: list[Pending] = []
        self.result: Completed | Failed | None = None

    def deliver(self, type_: str, correlation_id: str, data: str) -> None:
        """Deliver one event and let the coroutine run until it waits again.

        An event of an operation that is no longer awaited is ignored.

        Raises:
            ReplayDivergence: the event belongs to an operation that the code never asked for.
        """
        if type_ == EventType.CREATED:
            coroutine = self._function(Context(self._instance_id), decode(data)["payload"])
            self._run(self._branch("", coroutine), None, None)
        elif correlation_id in self.pending:
            self._settle(type_, self.pending[correlation_id], data)
        elif type_ in OF_OPERATIONS and correlation_id not in self._asked:
            awaited = ", ".join(self.pending) or "nothing"
            raise ReplayDivergence(f"the log has {type_} of {correlation_id}, the code awaits {awaited}")

    def take_fresh(self) -> list[Pending]:
        """Return the operations asked for since the last call that are still awaited."""
        fresh, self.fresh = self.fresh, []
        return [each for each in fresh if each.correlation_id in self.pending]

    def close(self) -> None:
        """End the coroutines where they stand."""
        for branch in self._branches:
            if branch.coroutine is not None:
                # The code's own `finally` may fail or await; nothing of it is recorded any more.
                with suppress(Exception):
                    branch.coroutine.close()
        self._branches.clear()
        self.pending.clear()

    def _settle(self, type_: str, pending: Pending, data: str) -> None:
        if type_ == EventType.STEP_COMPLETED:
            self._answer(pending, decode(data)["result"], None)
        elif type_ == EventType.STEP_FAILED:
            error = decode(data)["error"]
            self._answer(pending, None, StepFailed(error["code"], error["message"], error["type"]))
        elif type_ == EventType.WAIT_COMPLETED:
            self._answer(pending, None, None)
        elif type_ == EventType.WAIT_CREATED:
            pending.due_at = datetime.fromisoformat(decode(data)["due_at"])
        elif type_ == EventType.STEP_RETRYING:
            value = decode(data)
            pending.attempt = value["attempt"]
            pending.due_at = datetime.fromisoformat(value["retry_at"])

    def _answer(self, pending: Pending, value: Any, error: BaseException | None) -> None:
        del self.pending[pending.correlation_id]
        branch = pending.branch
        if branch.coroutine is not None:
            self._run(branch, value, error)
        else:
            self._end(branch, value, error)

    def _run(self, branch: Branch, value: Any, error: BaseException | None) -> None:
        """Resume a branch until it waits for the log, or ends."""
        coroutine = branch.coroutine
        assert coroutine is not None  # noqa: S101 - for the type checker: only these are run
        while True:
            try:
                asked = coroutine.send(value) if error is None else coroutine.throw(error)
            except StopIteration as stop:
                return self._end(branch, stop.value, None)
            except (Exception, SystemExit) as raised:  # noqa: BLE001 - whatever the workflow raises is its outcome
                return self._end(branch, None, raised)
            value, error = None, None
            if isinstance(asked, Gather):
                join = self._open(branch, asked)
                if join.open:
                    return None
                value, error = join.results, join.error
            elif isinstance(asked, (StepCall, Sleep)):
                return self._ask(branch, asked)
            else:
                error = ContextMisused(f"a workflow awaits only what ctx gives, not {asked!r}")

    def _ask(self, branch: Branch, call: "StepCall[Any] | Sleep") -> None:
        kind = f"step:{call.definition.name}" if isinstance(call, StepCall) else "wait:sleep"
        correlation_id = f"{branch.path}{kind}:{_count(branch, kind)}"
        pending = Pending(correlation_id, call, branch)
        self._asked.add(correlation_id)
        self.pending[correlation_id] = pending
        self.fresh.append(pending)

    def _open(self, parent: Branch, gather: Gather) -> Join:
        """Start every branch of a gather; `open` is 0 afterwards when none has to wait."""
        count = len(gather.branches)
        join = Join(parent, [None] * count, count + 1)
        path = f"{parent.path}gather:{_count(parent, 'gather')}."
        for index, each in enumerate(gather.branches):
            self._start(self._branch(f"{path}{index}/", each, join, index), each)
        join.open -= 1
        return join

    def _start(self, branch: Branch, each: Any) -> None:
        if branch.coroutine is not None:
            self._run(branch, None, None)
        elif isinstance(each, Gather):
            inner = self._open(branch, each)
            if not inner.open:
                self._end(branch, inner.results, inner.error)
        elif isinstance(each, (StepCall, Sleep)):
            self._ask(branch, each)
        else:
            self._end(branch, None, ContextMisused(f"can't gather {each!r}"))

    def _branch(self, path: str, what: Any, join: Join | None = None, index: int = 0) -> Branch:
        branch = Branch(path, what if inspect.iscoroutine(what) else None, join, index)
        self._branches.add(branch)
        return branch

    def _end(self, branch: Branch, value: Any, error: BaseException | None) -> None:
        """Keep a branch's outcome; the last one of a gather resumes its parent."""
        self._branches.discard(branch)
        join = branch.join
        if join is None:
            self.result = _completed(value) if error is None else Failed(failure_of(error))
            return
        join.results[branch.index] = value
        join.error = join.error or error
        join.open -= 1
        if join.open:
            return
        if join.parent.coroutine is not None:
            self._run(join.parent, join.results, join.error)
        else:
            self._end(join.parent, join.results, join.error)


OF_OPERATIONS = frozenset(
    {
        EventType.STEP_COMPLETED,
        EventType.STEP_FAILED,
        EventType.STEP_RETRYING,
        EventType.WAIT_CREATED,
        EventType.WAIT_COMPLETED,
    }
)


def _count(branch: Branch, kind: str) -> int:
    number = branch.counts[kind] = branch.counts.get(kind, 0) + 1
    return number


def _completed(value: Any) -> Completed | Failed:
    try:
        return Completed(msgspec.json.encode(value).decode())
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        return Failed(Failure("output_invalid", f"the output is not JSON: {error}"))


def failure_of(error: BaseException) -> Failure:
    """Describe what a workflow or a step raised; its own `code` is kept."""
    code = getattr(error, "code", None)
    if isinstance(code, str) and code:
        return Failure(code, str(error))
    return Failure("error", f"{type(error).__name__}: {error}")
