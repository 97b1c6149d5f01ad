"""Traces, where they are switched on: what becomes a span, and how one finds another across the buffer.

Off, every call is a look at one name, steps are called as they are, and no module of OpenTelemetry is loaded for it.
"""

import functools
import importlib.util
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from workflows.tracer import Tracer

PACKAGE = "opentelemetry.sdk"

_NOTHING: AbstractContextManager[None] = nullcontext()
_tracer: "Tracer | None" = None


def is_on() -> bool:
    return _tracer is not None


def installed() -> bool:
    """Tell whether OpenTelemetry can be loaded, without loading it."""
    try:
        return importlib.util.find_spec(PACKAGE) is not None
    except ModuleNotFoundError:
        return False


def switch_on(exporter: Any = None) -> bool:
    """Begin to trace, to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names; False when it is not installed.

    Args:
        exporter: Takes each span as it ends, instead of the collector.
    """
    global _tracer  # noqa: PLW0603 - one switch a process
    if not installed():
        return False
    from workflows.tracer import Tracer  # noqa: PLC0415 - loads OpenTelemetry

    _tracer = Tracer(exporter)
    return True


def switch_off() -> None:
    """Send what waits, and trace no more."""
    global _tracer
    tracer, _tracer = _tracer, None
    if tracer is not None:
        tracer.close()


def span(name: str, **attributes: Any) -> AbstractContextManager[None]:
    """Make what is done within a span, below the current one. Attributes are ids and words, never payloads."""
    return _NOTHING if _tracer is None else _tracer.span(name, attributes)


def request(name: str, traceparent: str | None, **attributes: Any) -> AbstractContextManager[None]:
    """Make an answer a span, below the one that the caller's header names."""
    return _NOTHING if _tracer is None else _tracer.request(name, traceparent, attributes)


def batch(name: str, carried: Iterable[str | None], **attributes: Any) -> AbstractContextManager[None]:
    """Make a batch a span by itself, linked to each of those that brought what is in it."""
    return _NOTHING if _tracer is None else _tracer.batch(name, carried, attributes)


def note(**attributes: Any) -> None:
    """Add to the current span what is known only now."""
    if _tracer is not None:
        _tracer.note(attributes)


def carried() -> str | None:
    """Name the current span as W3C's traceparent, to travel with a trigger; None when there is none."""
    return None if _tracer is None else _tracer.carried()


def started(instance_id: UUID, traceparent: str | None, **attributes: Any) -> None:
    """Begin an instance's own trace, linked to its trigger's. Its id follows from the instance's, so steps find it."""
    if _tracer is not None:
        _tracer.started(instance_id, traceparent, attributes)


@contextmanager
def _attempt(name: str, running: Callable[[], Any]) -> Iterator[None]:
    now = running()
    if _tracer is None or now is None:
        yield
        return
    attributes = {
        "instance_id": now.instance.id,
        "org_id": now.instance.org_id,
        "env_id": now.instance.env_id,
        "definition": now.instance.definition,
        "correlation_id": now.correlation_id,
    }
    with _tracer.below_instance(now.instance.id, f"step {name}", attributes):
        yield


def around(name: str, function: Callable[..., Any], running: Callable[[], Any]) -> Callable[..., Any]:
    """Return a step's function with a span around each call of a pump; off, the very function.

    Args:
        name: The step's.
        function: A plain or an async one.
        running: Tells the attempt that runs in this context.
    """
    if _tracer is None:
        return function
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with _attempt(name, running):
                return await function(*args, **kwargs)

        return awaited

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with _attempt(name, running):
            return function(*args, **kwargs)

    return called
