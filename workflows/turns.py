"""The events and status changes that a pump writes; with engine.start and engine.cancel the only ones there are."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from workflows.endings import Completed, Failed
from workflows.fence import END, Append, Change, Failure, Fence, NewEvent, Offspring
from workflows.operations import Emit, Hook
from workflows.states import REFUSED, EventType, Status


def text(value: object) -> str:
    """Return JSON text; a lone surrogate in an error's words is replaced, since no table holds one."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(_clean(value)).decode()


def _clean(value: object) -> object:
    if isinstance(value, dict):
        return {name: _clean(each) for name, each in value.items()}
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def step_completed(correlation_id: str, result: bytes) -> NewEvent:
    """Record a result, given as JSON text."""
    return NewEvent(EventType.STEP_COMPLETED, correlation_id, f'{{"result":{result.decode()}}}')


def step_failed(correlation_id: str, failure: Failure, kind: str) -> NewEvent:
    return NewEvent(EventType.STEP_FAILED, correlation_id, text({"error": _error(failure, kind)}))


def step_retrying(correlation_id: str, failure: Failure, kind: str, attempt: int, retry_at: datetime) -> NewEvent:
    data = {"attempt": attempt, "retry_at": retry_at.isoformat(), "error": _error(failure, kind)}
    return NewEvent(EventType.STEP_RETRYING, correlation_id, text(data))


def wait_created(correlation_id: str, due_at: datetime) -> NewEvent:
    return NewEvent(EventType.WAIT_CREATED, correlation_id, f'{{"due_at":"{due_at.isoformat()}"}}')


def wait_completed(correlation_id: str) -> NewEvent:
    return NewEvent(EventType.WAIT_COMPLETED, correlation_id)


def hook_created(correlation_id: str, hook: Hook, now: datetime) -> NewEvent:
    """Make a hook; the token is 128 random bits unless the code gave one."""
    value: dict[str, object] = {"token": hook.wanted or secrets.token_urlsafe(16), "name": hook.name}
    if hook.timeout_seconds is not None:
        value["due_at"] = (now + timedelta(seconds=hook.timeout_seconds)).isoformat()
    return NewEvent(EventType.HOOK_CREATED, correlation_id, text(value))


def hook_disposed(correlation_id: str, reason: str) -> NewEvent:
    """Let a hook go: nobody awaits it any more, or its time is over."""
    return NewEvent(EventType.HOOK_DISPOSED, correlation_id, text({"reason": reason}))


def hook_received(correlation_id: str, payload: str, resume_id: str | None) -> NewEvent:
    """Record what the outside handed in, given as JSON text."""
    return NewEvent(EventType.HOOK_RECEIVED, correlation_id, f'{{"payload":{payload},"resume_id":{text(resume_id)}}}')


def child_started(child: Offspring) -> NewEvent:
    return NewEvent(
        EventType.CHILD_STARTED,
        child.correlation_id,
        text({"instance_id": child.id, "definition": child.definition}),
    )


def child_refused(child: Offspring, failure: Failure) -> NewEvent:
    shown = failure.shown()
    data = {"status": REFUSED, "error": {"code": shown.code, "message": shown.message}}
    return NewEvent(EventType.CHILD_FINISHED, child.correlation_id, text(data))


def child_finished(correlation_id: str, child_id: UUID, status: Status, outcome: str | Failure) -> NewEvent:
    """Record how a child ended: its output, given as JSON text, or what went wrong."""
    if isinstance(outcome, Failure):
        shown = outcome.shown()
        tail = f'"error":{text({"code": shown.code, "message": shown.message})}'
    else:
        tail = f'"output":{outcome}'
    data = f'{{"instance_id":"{child_id}","status":"{status}",{tail}}}'
    return NewEvent(EventType.CHILD_FINISHED, correlation_id, data)


def emitted(correlation_id: str, emit: Emit) -> NewEvent:
    """Record an event; its payload stands last, where the statement that appends cuts it off."""
    key = "" if emit.key is None else f',"key":{text(emit.key)}'
    data = f'{{"type":{text(emit.type)}{key},"payload":{emit.payload}}}'
    return NewEvent(EventType.EMITTED, correlation_id, data)


def refused(emit: Emit, limit: int) -> Failure | None:
    """Say why an event is not emitted; None: it may be."""
    size = len(emit.payload.encode())
    if size <= limit:
        return None
    message = f"the payload of the event {emit.type} may have {limit} bytes (WORKFLOWS_MAX_PAYLOAD_BYTES)"
    return Failure("context_misused", f"{message}; this one has {size}")


def suspend(instance_id: UUID, events: Iterable[NewEvent], fence: Fence, wake_at: datetime | None) -> Append:
    """Let go of an instance that has only waits left; without `wake_at` the outside wakes it."""
    return Append(instance_id, tuple(events), fence, Change(Status.WAITING, wake_at))


def set_aside(instance_id: UUID, fence: Fence, wake_at: datetime, notice: Failure) -> Append:
    """Leave an instance that can't run here waiting, with the reason to be seen."""
    return Append(instance_id, (), fence, Change(Status.WAITING, wake_at, notice))


def finish(instance_id: UUID, result: Completed | Failed, fence: Fence) -> Append:
    """End an instance the way its workflow ended."""
    match result:
        case Completed(output):
            event = NewEvent(EventType.COMPLETED, END, f'{{"output":{output}}}')
            return Append(instance_id, (event,), fence, Change(Status.COMPLETED))
        case Failed(failure):
            return fail(instance_id, failure, fence)


def fail(instance_id: UUID, failure: Failure, fence: Fence, status: Status = Status.FAILED) -> Append:
    """End an instance as failed, or as a system failure when the workflow itself is not to blame."""
    shown = failure.shown()
    event = NewEvent(EventType.FAILED, END, text({"error": {"code": shown.code, "message": shown.message}}))
    return Append(instance_id, (event,), fence, Change(status, failure=shown))


def overflow(instance_id: UUID, message: str) -> Append:
    """End an instance, from outside, whose log has no room for what it awaits: it would wait for ever."""
    return fail(instance_id, Failure("log_full", message), Fence())


def _error(failure: Failure, kind: str) -> dict[str, str]:
    shown = failure.shown()
    return {"code": shown.code, "message": shown.message, "type": kind}
