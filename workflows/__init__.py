"""Durable workflows: the way in, the engine and its event log."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflows.intake.emission import emit
    from workflows.intake.python import submit
    from workflows.operations import ChildFailed, ChildRefused, Disposed, HookConflict, HookTimedOut, StepFailed
    from workflows.registry import workflow
    from workflows.steps import Fatal, Retryable, step

__all__ = [
    "ChildFailed",
    "ChildRefused",
    "Disposed",
    "Fatal",
    "HookConflict",
    "HookTimedOut",
    "Retryable",
    "StepFailed",
    "emit",
    "step",
    "submit",
    "workflow",
]

# Resolved at first use: some of these need models, and flows import this package before the apps are ready.
PLACES = {
    "ChildFailed": "workflows.operations",
    "ChildRefused": "workflows.operations",
    "Disposed": "workflows.operations",
    "Fatal": "workflows.steps",
    "HookConflict": "workflows.operations",
    "HookTimedOut": "workflows.operations",
    "Retryable": "workflows.steps",
    "StepFailed": "workflows.operations",
    "emit": "workflows.intake.emission",
    "step": "workflows.steps",
    "submit": "workflows.intake.python",
    "workflow": "workflows.registry",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module  # noqa: PLC0415 - keeps the package's own names to the public ones

    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(PLACES[name]), name)
