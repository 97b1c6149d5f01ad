"""Documents that tests run and break; each call gives one of its own."""

from typing import Any


def document(*steps: tuple[str, dict[str, Any]], **members: Any) -> dict[str, Any]:
    """Make a document that starts at `start` and goes to the first of the steps."""
    first = steps[0][0] if steps else "noop"
    start = {"type": "trigger", "next": {"success": first}}
    return {"steps": {"start": start, **dict(steps)}, **members}


def act(action: str = "echo", to: str = "noop", **members: Any) -> dict[str, Any]:
    return {"type": "action", "action": action, "next": {"success": to}, **members}


def put(to: str = "noop", **values: Any) -> dict[str, Any]:
    return act("set_variables", to, arguments=values)


def ask(expression: str, yes: str = "noop", no: str = "noop") -> dict[str, Any]:
    return {"type": "condition", "expression": expression, "next": {"true": yes, "false": no}}


def each(collection: str, body: str, to: str = "noop", **members: Any) -> dict[str, Any]:
    return {"type": "loop", "collection": collection, "next": {"loop": body, "done": to}, **members}


def wait(to: str = "noop", **members: Any) -> dict[str, Any]:
    return {"type": "wait", "next": {"success": to}, **members}


def parallel(mode: str, to: str = "noop", **branches: str) -> dict[str, Any]:
    return {"type": "parallel", "mode": mode, "branches": branches, "next": {"success": to}}
