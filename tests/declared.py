"""Actions of the tests' own, in the place of those that a project registers, and a registry that forgets."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.workflows.declarative import driving
from workflows import registry as workflow_registry
from workflows.actions import registry
from workflows.context import Context
from workflows.declarative import interpreter
from workflows.steps import Fatal, step


@dataclass
class Actions:
    """What was asked for, and what is switched off. `echo` answers its arguments, `fail` fails for good."""

    calls: list[tuple[str, Any, Any]] = field(default_factory=list)
    disabled: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, arguments: Any, scope: Any) -> Any:
        self.calls.append((name, arguments, scope))
        if name == "fail":
            raise Fatal("the card is refused", code="declined")
        return arguments

    def check(self, name: str, arguments: Any) -> list[tuple[str, str]]:
        return [("/colour", f"{name} knows no colour.")] if "colour" in arguments else []


@pytest.fixture
def actions(monkeypatch) -> Actions:
    made = Actions()
    monkeypatch.setattr(registry, "names", lambda: frozenset({"echo", "fail", "llm"}))
    monkeypatch.setattr(registry, "check", made.check)
    monkeypatch.setattr(registry, "disabled", lambda: made.disabled)
    monkeypatch.setattr(interpreter, "run_action", step(name="run_action")(made.run))
    return made


@pytest.fixture
def whole_context(monkeypatch) -> None:
    """Give the context what it does not have yet."""
    if not hasattr(Context, "org_id"):
        monkeypatch.setattr(Context, "org_id", driving.ORG, raising=False)
        monkeypatch.setattr(Context, "env_id", driving.ENV, raising=False)


@pytest.fixture
def forgotten(monkeypatch) -> None:
    """Let a test learn from nothing, and leave nothing to the next."""
    for name, empty in (("_declared", OrderedDict()), ("_confirmed", set()), ("_clashing", set())):
        monkeypatch.setattr(workflow_registry, name, empty)
