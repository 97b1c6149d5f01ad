"""The words of an instance's life: its statuses and the types of its events. Pure; the tables use them."""

from enum import StrEnum


class Status(StrEnum):
    """States of an instance that has a row; `buffered` is the state of one that has only an entry."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SYSTEM_FAILURE = "system_failure"
    SUPERSEDED = "superseded"


# How a child ended that was not even started; no instance has it.
REFUSED = "refused"
FINISHED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.SYSTEM_FAILURE, Status.SUPERSEDED})


class EventType(StrEnum):
    """What a log can hold; the engine adds types, it never changes the meaning of one."""

    CREATED = "created"
    STARTED = "started"
    STEP_RETRYING = "step_retrying"
    STEP_COMPLETED = "step_completed"
    STEP_FAILED = "step_failed"
    WAIT_CREATED = "wait_created"
    WAIT_COMPLETED = "wait_completed"
    HOOK_CREATED = "hook_created"
    HOOK_CONFLICT = "hook_conflict"
    HOOK_RECEIVED = "hook_received"
    HOOK_DISPOSED = "hook_disposed"
    CHILD_STARTED = "child_started"
    CHILD_FINISHED = "child_finished"
    EMITTED = "emitted"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ATTRIBUTE_SET = "attribute_set"
    PAUSED = "paused"
    RESUMED = "resumed"


def choices(words: type[StrEnum]) -> list[tuple[str, str]]:
    """Return the words as the choices of a column."""
    return [(word.value, word.value.replace("_", " ").capitalize()) for word in words]
