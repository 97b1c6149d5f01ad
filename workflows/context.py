"""What a workflow's code may await. Each operation is a request; replay answers it from the log or has it done."""

from collections.abc import Coroutine, Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, ParamSpec, TypeVar
from uuid import UUID

import msgspec

from workflows.steps import StepDefinition

P = ParamSpec("P")
R = TypeVar("R")


class ContextMisused(Exception):
    """A workflow asked for what its context can't give."""

    code = "context_misused"


@dataclass(frozen=True, slots=True, eq=False)
class StepCall(Generic[R]):
    """A step to run; `arguments` is JSON text of [args, kwargs]."""

    definition: StepDefinition[..., Any]
    arguments: bytes

    def __await__(self) -> Generator[Any, Any, R]:
        result: R = yield self
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Sleep:
    """A durable timer."""

    seconds: float

    def __await__(self) -> Generator[Any, Any, None]:
        yield self


@dataclass(frozen=True, slots=True, eq=False)
class Gather:
    """Several branches at once."""

    branches: tuple[Any, ...]

    def __await__(self) -> Generator[Any, Any, list[Any]]:
        results: list[Any] = yield self
        return results


NO_ARGUMENTS = b"[[],{}]"


class Context:
    """The way a workflow reaches the outside; its code may await nothing else.

    Arguments and results are JSON: what a step gets and gives is what the log keeps.
    """

    __slots__ = ("instance_id",)

    def __init__(self, instance_id: UUID) -> None:
        self.instance_id = instance_id

    def step(self, definition: StepDefinition[P, Any], *args: P.args, **kwargs: P.kwargs) -> StepCall[Any]:
        """Run a registered step, at least once, and return its one recorded result.

        Raises:
            StepFailed: from the await, when its retries are spent or it is Fatal.
            ContextMisused: not a step, or arguments that are not JSON.
        """
        if not isinstance(definition, StepDefinition):
            raise ContextMisused(f"{definition!r} is no step; decorate it with @step")
        if not args and not kwargs:
            return StepCall(definition, NO_ARGUMENTS)
        try:
            return StepCall(definition, msgspec.json.encode([args, kwargs]))
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ContextMisused(f"arguments of {definition.name} are not JSON: {error}") from error

    def sleep(self, seconds: float | timedelta) -> Sleep:
        """Sleep durably: the instance holds nothing meanwhile, and wakes after a restart too."""
        duration = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
        if not 0 <= duration <= 100 * 366 * 86_400:
            raise ContextMisused(f"can't sleep {duration} seconds")
        return Sleep(duration)

    def gather(self, *branches: "StepCall[Any] | Sleep | Gather | Coroutine[Any, Any, Any]") -> Gather:
        """Run operations and coroutines at once; return their results in the order given.

        All of them run to their end. Then, if some failed, the failure that came first in the log is raised.
        """
        return Gather(branches)
