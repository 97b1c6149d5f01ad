"""What pumps ask of the world beyond the engine (see workflows/pump/outside.py), in one place to hand in."""

from workflows.declarative.stored import learn
from workflows.intake.children import place
from workflows.intake.relay import deliver as relay

__all__ = ["learn", "place", "relay"]
