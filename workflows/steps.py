"""Steps: the registered functions in which a workflow does what the outside can see."""

import inspect
import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from random import random
from typing import Any, Generic, ParamSpec, TypeVar, overload

from workflows import tracing
from workflows.identity import Identity

P = ParamSpec("P")
R = TypeVar("R")
NAME = re.compile(r"[-a-zA-Z0-9_.]{1,100}")
LONGEST = timedelta(days=100 * 366)
MOST_FACTOR = 1_000


class Fatal(Exception):
    """Raised by a step: no retry can help. `code` is kept with the outcome."""

    def __init__(self, message: str = "", *, code: str = "fatal") -> None:
        super().__init__(message)
        self.code = code


class Retryable(Exception):
    """Raised by a step: try again, after so many seconds when given, else after the step's own back-off."""

    # An error that is derived from this may be made without its __init__.
    after_seconds: float | None = None
    code = "retryable"

    def __init__(self, message: str = "", *, after: float | timedelta | None = None, code: str = "retryable") -> None:
        super().__init__(message)
        self.after_seconds = None if after is None else _pause(after)
        self.code = code


def _pause(after: Any) -> float:
    """Return the seconds of a pause, 0 for a time that has passed; `after` is what a step made of some answer.

    Raises:
        ValueError: it is no number of seconds, as a header's text, or longer than any wait.
    """
    seconds = after.total_seconds() if isinstance(after, timedelta) else after
    if not isinstance(seconds, (int, float)) or not seconds <= LONGEST.total_seconds():
        raise ValueError(f"after: {after!r} is no number of seconds up to 100 years, nor a timedelta")
    return max(0.0, float(seconds))


@dataclass(slots=True)
class Running:
    """The step that runs in this context, and how many events it has emitted so far."""

    instance: Identity
    correlation_id: str
    emitted: int = 0


running: ContextVar[Running | None] = ContextVar("running", default=None)


class StepInvalid(Exception):
    """A step is declared in a way that can't work."""

    code = "step_invalid"


@dataclass(frozen=True, slots=True)
class StepDefinition(Generic[P, R]):
    """A registered step; calling it runs the function here and now, as a test would.

    `retries` counts the attempts after the first. The pause before retry n is
    ``backoff_seconds * backoff_factor ** (n - 1)``, at most `backoff_max_seconds`, and up to `backoff_jitter` of it
    longer by chance, so that what failed together is not tried again together.
    """

    name: str
    function: Callable[P, R]
    retries: int = 0
    timeout_seconds: float | None = None
    backoff_seconds: float = 1.0
    backoff_factor: float = 2.0
    backoff_max_seconds: float = 300.0
    backoff_jitter: float = 0.1
    is_async: bool = field(init=False)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise StepInvalid(f"{self.name!r} is no step name: 1 to 100 of a-z A-Z 0-9 - _ .")
        if (
            self.retries < 0
            or not 0 <= self.backoff_jitter <= MOST_FACTOR
            or not (self.timeout_seconds is None or self.timeout_seconds > 0)
        ):
            raise StepInvalid(
                f"{self.name}: retries can't be negative, a time-out must be positive, jitter is 0 to {MOST_FACTOR}"
            )
        pauses = (self.backoff_seconds, self.backoff_max_seconds)
        if not all(0 <= each <= LONGEST.total_seconds() for each in pauses):
            raise StepInvalid(f"{self.name}: a back-off and its longest pause are 0 seconds to 100 years")
        if not 0 <= self.backoff_factor <= MOST_FACTOR:
            raise StepInvalid(f"{self.name}: a back-off grows by a factor of 0 to {MOST_FACTOR}")
        object.__setattr__(self, "is_async", inspect.iscoroutinefunction(self.function))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def pause_before(self, retry: int) -> float:
        """Return the seconds to wait before a retry, counted from 1."""
        exponent = min(retry - 1, 64)
        pause = min(self.backoff_max_seconds, self.backoff_seconds * self.backoff_factor**exponent)
        longer = pause * (1 + self.backoff_jitter * random())  # noqa: S311 - no secret
        return min(longer, LONGEST.total_seconds())


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
    backoff_jitter: float = 0.1,
) -> Callable[[Callable[P, R]], StepDefinition[P, R]]: ...


def step(function: Callable[..., Any] | None = None, /, *, name: str | None = None, **options: Any) -> Any:
    """Register a plain or async function as a step; its arguments and result are JSON."""

    def register(function: Callable[..., Any]) -> StepDefinition[..., Any]:
        named = name or function.__name__
        return StepDefinition(named, tracing.around(named, function, running.get), **options)

    return register if function is None else register(function)
