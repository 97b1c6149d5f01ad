"""What a workflow can await, as requests that replay answers or has done; and what they can raise."""

from collections import deque
from collections.abc import Coroutine, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

from workflows.steps import StepDefinition

R = TypeVar("R")


class ContextMisused(Exception):
    """A workflow asked for what its context can't give."""

    code = "context_misused"


class Disposed(BaseException):
    """Raised in a branch that lost its race; it may still await in `finally`, and what it returns is not used."""


class StepFailed(Exception):
    """Raised where a workflow awaits a step that failed for good. `code` is the step's, `kind` its exception's name."""

    def __init__(self, code: str, message: str, kind: str) -> None:
        super().__init__(message)
        self.code = code
        self.kind = kind


class HookConflict(Exception):
    """Another active hook has this token."""

    code = "hook_conflict"


class HookTimedOut(Exception):
    """Nobody resumed the hook in time; its token is free again."""

    code = "hook_timeout"


class ChildFailed(Exception):
    """A child that was awaited did not complete. `status` is how it ended, `code` its error's."""

    def __init__(self, code: str, message: str, status: str, child_id: UUID) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.child_id = child_id


class ChildRefused(Exception):
    """A child was not started: its definition can't run, or the chain is too deep."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, eq=False)
class StepCall(Generic[R]):
    """A step to run; `arguments` is JSON text of [args, kwargs]."""

    definition: StepDefinition[..., Any]
    arguments: bytes

    @property
    def kind(self) -> str:
        """The part of its correlation id that says what it is."""
        return f"step:{self.definition.name}"

    def __await__(self) -> Generator[Any, Any, R]:
        result: R = yield self
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Sleep:
    """A durable timer: so many seconds from when it is recorded, or until a moment."""

    seconds: float = 0.0
    until: datetime | None = None
    kind: ClassVar[str] = "wait:sleep"

    def __await__(self) -> Generator[Any, Any, None]:
        yield self


@dataclass(frozen=True, slots=True, eq=False)
class Emit:
    """An event for whoever is bound to its type; `payload` is JSON text."""

    type: str
    payload: str
    key: str | None

    @property
    def kind(self) -> str:
        return f"emit:{self.type}"

    def __await__(self) -> Generator[Any, Any, None]:
        yield self


@dataclass(frozen=True, slots=True, eq=False)
class Child:
    """Another instance, started by this one; `payload` is JSON text."""

    definition: str
    payload: str
    waits: bool

    @property
    def kind(self) -> str:
        return f"child:{self.definition}"

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield self)


@dataclass(slots=True, eq=False)
class Hook:
    """A place where the outside can hand a payload in.

    Awaited by itself it gives one payload and is closed. With `async with` it is open from there on, `token` is known,
    each await gives the next payload in the order they came, and it is closed at the end of the block.
    """

    name: str
    wanted: str | None = None
    timeout_seconds: float | None = None
    token: str | None = None
    correlation_id: str = ""
    stays_open: bool = False
    unread: deque[Any] = field(default_factory=deque)
    ended: Exception | None = None

    @property
    def kind(self) -> str:
        return f"hook:{self.name}"

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield self)

    async def __aenter__(self) -> Self:
        self.stays_open = True
        await HookOpening(self)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await HookClosing(self)


@dataclass(frozen=True, slots=True, eq=False)
class HookOpening:
    """Make a hook known to the outside before something is awaited from it."""

    hook: Hook

    def __await__(self) -> Generator[Any, Any, str]:
        token: str = yield self
        return token


@dataclass(frozen=True, slots=True, eq=False)
class HookClosing:
    """Let go of a hook; its token is free from the next append on."""

    hook: Hook

    def __await__(self) -> Generator[Any, Any, None]:
        yield self


@dataclass(frozen=True, slots=True, eq=False)
class Gather:
    """Several branches at once; all run to their end."""

    branches: tuple[Any, ...]

    def __await__(self) -> Generator[Any, Any, list[Any]]:
        results: list[Any] = yield self
        return results


@dataclass(frozen=True, slots=True, eq=False)
class Race:
    """Several branches at once, by name; the first to end is the outcome, the others are disposed of."""

    branches: Mapping[str, Any]

    def __await__(self) -> Generator[Any, Any, tuple[str, Any]]:
        outcome: tuple[str, Any] = yield self
        return outcome


Fork = Gather | Race
# What waits for something that the log will tell.
Operation = StepCall[Any] | Sleep | Emit | Child | Hook
Awaitable = Operation | Fork | Coroutine[Any, Any, Any]
