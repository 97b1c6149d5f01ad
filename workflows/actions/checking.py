"""Stands in for the checks of actions until they land."""

from collections.abc import Iterator
from typing import Any


def secret_places(arguments: object, at: str = "") -> list[str]:
    return list(_places(arguments, at))


def _places(value: Any, at: str) -> Iterator[str]:
    if isinstance(value, dict) and "$secret" in value:
        yield at
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _places(each, f"{at}/{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _places(each, f"{at}/{index}")
