"""What pumps ask of the world beyond the engine (see workflows/pump/outside.py), in one place to hand in."""

from collections.abc import Collection

from workflows.intake.children import place
from workflows.intake.relay import deliver as relay

__all__ = ["learn", "place", "relay"]


def learn(wanted: Collection[tuple[str, int]]) -> None:
    """Register stored definitions; those of code are registered already."""
