"""Steps: the registered functions in which a workflow does what the outside can see."""

import inspect
import itertools
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, ParamSpec, TypeVar, overload
from uuid import UUID

P = ParamSpec("P")
R = TypeVar("R")
NAME = re.compile(r"[-a-zA-Z0-9_.]{1,100}")


@dataclass(frozen=True, slots=True)
class Running:
    """The instance and the operation that a step runs for; `counter` numbers what the step emits."""

    instance_id: UUID
    correlation_id: str
    lineage: Any = None
    counter: Iterator[int] = field(default_factory=lambda: itertools.count(1))


# Set by what runs a step, for its function alone; None outside of steps.
current: ContextVar[Running | None] = ContextVar("workflows.steps.current", default=None)


class Fatal(Exception):
    """Raised by a step: no retry can help. `code` is kept with the outcome."""

    def __init__(self, message: str = "", *, code: str = "fatal") -> None:
        super().__init__(message)
        self.code = code


class Retryable(Exception):
    """Raised by a step: try again, after so many seconds when given, else after the step's own back-off."""

    def __init__(self, message: str = "", *, after: float | timedelta | None = None, code: str = "retryable") -> None:
        super().__init__(message)
        self.after_seconds = after.total_seconds() if isinstance(after, timedelta) else after
        self.code = code


class StepInvalid(Exception):
    """A step is declared in a way that can't work."""

    code = "step_invalid"


@dataclass(frozen=True, slots=True)
class StepDefinition(Generic[P, R]):
    """A registered step; calling it runs the function here and now, as a test would.

    `retries` counts the attempts after the first. The pause before retry n is
    ``backoff_seconds * backoff_factor ** (n - 1)``, at most `backoff_max_seconds`.
    """

    name: str
    function: Callable[P, R]
    retries: int = 0
    timeout_seconds: float | None = None
    backoff_seconds: float = 1.0
    backoff_factor: float = 2.0
    backoff_max_seconds: float = 300.0
    is_async: bool = field(init=False)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise StepInvalid(f"{self.name!r} is no step name: 1 to 100 of a-z A-Z 0-9 - _ .")
        if self.retries < 0 or (self.timeout_seconds is not None and self.timeout_seconds <= 0):
            raise StepInvalid(f"{self.name}: retries can't be negative, and a time-out must be positive")
        object.__setattr__(self, "is_async", inspect.iscoroutinefunction(self.function))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def pause_before(self, retry: int) -> float:
        """Return the seconds to wait before a retry, counted from 1."""
        exponent = min(retry - 1, 64)
        return min(self.backoff_max_seconds, self.backoff_seconds * self.backoff_factor**exponent)


@overload
def step(function: Callable[P, R], /) -> StepDefinition[P, R]: ...


@overload
def step(
    *,
    name: str | None = None,
    retries: int = 0,
    timeout_seconds: float | None = None,
    backoff_seconds: float = 1.0,
    backoff_factor: float = 2.0,
    backoff_max_seconds: float = 300.0,
) -> Callable[[Callable[P, R]], StepDefinition[P, R]]: ...


def step(function: Callable[..., Any] | None = None, /, *, name: str | None = None, **options: Any) -> Any:
    """Register a plain or async function as a step; its arguments and result are JSON."""

    def register(function: Callable[..., Any]) -> StepDefinition[..., Any]:
        return StepDefinition(name or function.__name__, function, **options)

    return register if function is None else register(function)
