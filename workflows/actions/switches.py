"""Stands in for the switches of actions until they land."""

from collections.abc import Iterable


def changed_since(_version: int) -> Iterable[tuple[str, str | None]]:
    return ()
