"""Actions of the tests' own, in the place of those that a project registers, and a registry that forgets."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import transaction

from workflows import registry as workflow_registry
from workflows.actions import registry, switches
from workflows.declarative import interpreter
from workflows.intake import refresher
from workflows.models import SnapshotVersion
from workflows.steps import Fatal, step


@dataclass
class Actions:
    """What was asked for, and what is switched off. `echo` answers its arguments, `fail` fails for good."""

    calls: list[tuple[str, Any, Any]] = field(default_factory=list)
    switched: dict[str, str | None] = field(default_factory=dict)

    def run(self, name: str, arguments: Any, scope: Any) -> Any:
        self.calls.append((name, arguments, scope))
        if name == "fail":
            raise Fatal("the card is refused", code="declined")
        return arguments

    def switch(self, name: str, reason: str | None) -> None:
        """Disable an action with a reason, or enable it without one, as far as the directory can tell."""
        self.switched[name] = reason
        with transaction.atomic():
            SnapshotVersion.advance()
        refresher.refresh()

    def check(self, name: str, arguments: Any) -> list[tuple[str, str]]:
        return [("/colour", f"{name} knows no colour.")] if "colour" in arguments else []


@pytest.fixture
def actions(monkeypatch) -> Actions:
    made = Actions()
    monkeypatch.setattr(registry, "names", lambda: frozenset({"echo", "fail", "llm"}))
    monkeypatch.setattr(registry, "check", made.check)
    monkeypatch.setattr(switches, "changed_since", lambda _version: made.switched.items())
    monkeypatch.setattr(interpreter, "run_action", step(name="run_action")(made.run))
    return made


@pytest.fixture
def forgotten(monkeypatch) -> None:
    """Let a test learn from nothing, and leave nothing to the next."""
    for name, empty in (("_declared", OrderedDict()), ("_confirmed", set()), ("_clashing", set())):
        monkeypatch.setattr(workflow_registry, name, empty)
