"""Stands in for the registry of actions until it lands."""

from collections.abc import Mapping
from typing import Any


def get(_name: str) -> Any:
    return None


def names() -> frozenset[str]:
    return frozenset({"http", "llm"})


def check(_name: str, _arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    return []


def disabled() -> Mapping[str, str]:
    return {}
