"""Stands in for the running of actions until it lands."""

from typing import Any

from workflows.steps import Fatal, step


@step
def run_action(name: str, arguments: dict[str, Any], scope: dict[str, str]) -> Any:  # noqa: ARG001
    raise Fatal(f"{name} is not here yet", code="action_absent")
