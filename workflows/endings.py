"""How a workflow ended, or a step failed, as values."""

from dataclasses import dataclass
from typing import Any

import msgspec

from workflows.fence import Failure


@dataclass(frozen=True, slots=True)
class Completed:
    """The workflow returned; `output` is JSON text."""

    output: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The workflow raised."""

    failure: Failure


def of_output(value: Any) -> Completed | Failed:
    """Return how a workflow ended that returned this."""
    try:
        return Completed(msgspec.json.encode(value).decode())
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        return Failed(Failure("output_invalid", f"the output is not JSON: {error}"))


def failure_of(error: BaseException) -> Failure:
    """Describe what a workflow or a step raised; its own `code` is kept."""
    try:
        code, message = getattr(error, "code", None), str(error)
    except Exception:  # noqa: BLE001 - an error that can't be told must not become one of the pump
        code, message = None, "it raises when it is asked what it is"
    if isinstance(code, str) and code:
        return Failure(code, message)
    return Failure("error", f"{type(error).__name__}: {message}")
