"""The events and status changes that a pump writes; with engine.start and engine.cancel the only ones there are."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from workflows.fence import END, Append, Change, Failure, Fence, NewEvent
from workflows.replay import Completed, Failed
from workflows.states import EventType, Status


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


def suspend(instance_id: UUID, events: Iterable[NewEvent], fence: Fence, wake_at: datetime) -> Append:
    """Let go of an instance that has only waits left."""
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


def _error(failure: Failure, kind: str) -> dict[str, str]:
    shown = failure.shown()
    return {"code": shown.code, "message": shown.message, "type": kind}
