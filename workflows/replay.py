"""Drives a workflow's coroutine over its log: pure, no clock, no I/O.

Events are delivered one at a time in log order, each until nothing moves, so a rebuilt coroutine goes the way the
first one went. What it then awaits stands in `pending`; who runs it reads `fresh`, acts, appends, and delivers.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from workflows.branches import Branch, Branches, Given, misused
from workflows.context import Context
from workflows.endings import Completed, Failed, failure_of, of_output
from workflows.identity import Identity
from workflows.operations import (
    Child,
    ChildFailed,
    ChildRefused,
    ContextMisused,
    Emit,
    Hook,
    HookClosing,
    HookConflict,
    HookOpening,
    HookTimedOut,
    Operation,
    Sleep,
    StepCall,
    StepFailed,
)
from workflows.pending import Pending
from workflows.states import REFUSED, EventType, Status

decode = msgspec.json.decode


class ReplayDivergence(Exception):
    """The log contradicts what the code asks for: the code of this version was changed in flight."""

    code = "replay_divergence"


class Replay:
    """One coroutine and where it stands.

    `unread` are steps that lost a race while they ran, `disposals` hooks that the code let go of and the log does not
    know yet, `children` those that were started and have not ended.
    """

    __slots__ = (
        "_asked",
        "_branches",
        "_function",
        "_identity",
        "_moment",
        "children",
        "disposals",
        "fresh",
        "pending",
        "unread",
    )

    def __init__(self, function: Callable[[Any, Any], Awaitable[Any]], identity: Identity) -> None:
        self._function = function
        self._identity = identity
        self._moment = datetime.min.replace(tzinfo=UTC)
        self._asked: set[str] = set()
        self._branches = Branches(self._ask, self._drop)
        self.pending: dict[str, Pending] = {}
        self.fresh: list[Pending] = []
        self.unread: set[str] = set()
        self.disposals: dict[str, None] = {}
        self.children: set[str] = set()

    @property
    def result(self) -> Completed | Failed | None:
        """How the workflow ended; None while it has not."""
        ended = self._branches.ended
        if ended is None:
            return None
        return of_output(ended.value) if ended.error is None else Failed(failure_of(ended.error))

    def deliver(self, type_: str, correlation_id: str, data: str, at: datetime) -> None:
        """Deliver one event and let the coroutine run until it waits again.

        An event of an operation that is no longer awaited is ignored.

        Raises:
            ReplayDivergence: the event belongs to an operation that the code never asked for.
        """
        self._moment = at
        if type_ in OF_CHILDREN:
            (self.children.add if type_ == EventType.CHILD_STARTED else self.children.discard)(correlation_id)
        if type_ == EventType.CREATED:
            context = Context(self._identity, lambda: self._moment)
            self._branches.start(self._function(context, decode(data)["payload"]))
        elif correlation_id in self.pending:
            self._SETTLE[type_](self, self.pending[correlation_id], data)
        elif correlation_id in self._asked:
            self._late(type_, correlation_id)
        elif type_ in self._SETTLE:
            awaited = ", ".join(self.pending) or "nothing"
            raise ReplayDivergence(f"the log has {type_} of {correlation_id}, the code awaits {awaited}")

    def take_fresh(self) -> list[Pending]:
        """Return the operations asked for since the last call that are not over."""
        fresh, self.fresh = self.fresh, []
        return [each for each in fresh if each.correlation_id in self.pending]

    def waits_outside(self) -> bool:
        """Say whether something that is awaited can come from outside: a hook's payload, or a child's end."""
        return any(
            each.recorded and each.branch is not None and isinstance(each.call, (Hook, Child))
            for each in self.pending.values()
        )

    def close(self) -> None:
        """End the coroutines where they stand."""
        self._branches.close()
        self.pending.clear()

    # Asked by the branches.

    def _ask(self, branch: Branch, asked: Any) -> Given | None:
        match asked:
            case Hook() | HookOpening():
                return self._await_hook(branch, asked if isinstance(asked, Hook) else asked.hook)
            case HookClosing(hook):
                self._close_hook(hook)
                return Given()
            case StepCall() | Sleep() | Emit() | Child():
                self._add(branch, asked)
                return None
            case _:
                return misused(asked)

    def _add(self, branch: Branch, call: Operation) -> None:
        name = branch.awaits = branch.name(call.kind)
        pending = Pending(name, call, branch)
        self._asked.add(name)
        self.pending[name] = pending
        self.fresh.append(pending)

    def _await_hook(self, branch: Branch, hook: Hook) -> Given | None:
        if not hook.correlation_id:
            self._add(branch, hook)
            hook.correlation_id = str(branch.awaits)
            return None
        if hook.unread:
            return Given(hook.unread.popleft())
        pending = self.pending.get(hook.correlation_id)
        if pending is None:
            return Given(error=hook.ended or ContextMisused(f"the hook {hook.name} is closed"))
        if pending.branch is not None:
            return Given(error=ContextMisused(f"the hook {hook.name} is awaited already"))
        pending.branch = branch
        branch.awaits = hook.correlation_id
        return None

    def _close_hook(self, hook: Hook) -> None:
        pending = self.pending.pop(hook.correlation_id, None)
        if pending is not None and pending.recorded:
            self.disposals[hook.correlation_id] = None

    def _drop(self, correlation_id: str) -> None:
        """Forget an operation that lost its race."""
        pending = self.pending[correlation_id]
        match pending.call:
            case Hook() as hook if hook.stays_open and pending.recorded:
                # Its block closes it, which is being left.
                pending.branch = None
            case Hook() as hook:
                self._close_hook(hook)
            case StepCall():
                del self.pending[correlation_id]
                self.unread.add(correlation_id)
            case _:
                del self.pending[correlation_id]

    # Told by the log.

    def _late(self, type_: str, correlation_id: str) -> None:
        """Note what the log says of an operation that is over for the code."""
        if type_ == EventType.HOOK_CREATED:
            self.disposals[correlation_id] = None
        elif type_ == EventType.HOOK_DISPOSED:
            self.disposals.pop(correlation_id, None)
        elif type_ in (EventType.STEP_COMPLETED, EventType.STEP_FAILED):
            self.unread.discard(correlation_id)

    def _answer(self, pending: Pending, value: Any = None, error: BaseException | None = None) -> None:
        """Settle an operation for whoever awaits it."""
        self.pending.pop(pending.correlation_id, None)
        branch, pending.branch = pending.branch, None
        if branch is not None:
            self._branches.resume(branch, Given(value, error))

    def _answer_open(self, pending: Pending, value: Any) -> None:
        """Give whoever awaits it the next value of a hook that stays open."""
        branch, pending.branch = pending.branch, None
        if branch is not None:
            self._branches.resume(branch, Given(value))

    def _step_completed(self, pending: Pending, data: str) -> None:
        self._answer(pending, decode(data)["result"])

    def _step_failed(self, pending: Pending, data: str) -> None:
        error = decode(data)["error"]
        self._answer(pending, error=StepFailed(error["code"], error["message"], error["type"]))

    def _step_retrying(self, pending: Pending, data: str) -> None:
        value = decode(data)
        pending.attempt = value["attempt"]
        pending.due_at = datetime.fromisoformat(value["retry_at"])

    def _wait_created(self, pending: Pending, data: str) -> None:
        pending.due_at = datetime.fromisoformat(decode(data)["due_at"])

    def _over(self, pending: Pending, _data: str) -> None:
        self._answer(pending)

    def _hook_created(self, pending: Pending, data: str) -> None:
        value, hook = decode(data), pending.call
        assert isinstance(hook, Hook)  # noqa: S101 - for the type checker: its name says so
        pending.recorded, hook.token = True, value["token"]
        if (due_at := value.get("due_at")) is not None:
            pending.due_at = datetime.fromisoformat(due_at)
        if hook.stays_open:
            self._answer_open(pending, hook.token)

    def _hook_conflict(self, pending: Pending, data: str) -> None:
        self._end_hook(pending, HookConflict(f"another active hook has the token {decode(data)['token']}"))

    def _hook_received(self, pending: Pending, data: str) -> None:
        hook, payload = pending.call, decode(data)["payload"]
        assert isinstance(hook, Hook)  # noqa: S101 - for the type checker: its name says so
        if not hook.stays_open:
            self._close_hook(hook)
            self._answer(pending, payload)
        elif pending.branch is None:
            hook.unread.append(payload)
        else:
            self._answer_open(pending, payload)

    def _hook_disposed(self, pending: Pending, _data: str) -> None:
        self._end_hook(pending, HookTimedOut("nobody resumed the hook in time"))

    def _end_hook(self, pending: Pending, error: Exception) -> None:
        assert isinstance(pending.call, Hook)  # noqa: S101 - for the type checker: its name says so
        pending.call.ended = error
        self._answer(pending, error=error)

    def _child_started(self, pending: Pending, data: str) -> None:
        pending.recorded = True
        assert isinstance(pending.call, Child)  # noqa: S101 - for the type checker: its name says so
        if not pending.call.waits:
            self._answer(pending, decode(data)["instance_id"])

    def _child_finished(self, pending: Pending, data: str) -> None:
        value = decode(data)
        if value["status"] == Status.COMPLETED:
            self._answer(pending, value["output"])
            return
        code, message = value["error"]["code"], value["error"]["message"]
        if value["status"] == REFUSED:
            self._answer(pending, error=ChildRefused(code, message))
        else:
            self._answer(pending, error=ChildFailed(code, message, value["status"], UUID(value["instance_id"])))

    # What each event does to the operation that it belongs to.
    _SETTLE: ClassVar[dict[str, Callable[["Replay", Pending, str], None]]] = {
        EventType.STEP_COMPLETED: _step_completed,
        EventType.STEP_FAILED: _step_failed,
        EventType.STEP_RETRYING: _step_retrying,
        EventType.WAIT_CREATED: _wait_created,
        EventType.WAIT_COMPLETED: _over,
        EventType.HOOK_CREATED: _hook_created,
        EventType.HOOK_CONFLICT: _hook_conflict,
        EventType.HOOK_RECEIVED: _hook_received,
        EventType.HOOK_DISPOSED: _hook_disposed,
        EventType.CHILD_STARTED: _child_started,
        EventType.CHILD_FINISHED: _child_finished,
        EventType.EMITTED: _over,
    }


OF_CHILDREN = frozenset({EventType.CHILD_STARTED, EventType.CHILD_FINISHED})
