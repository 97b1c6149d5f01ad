"""The pump: runs the instances of one shard. `run` is its door, the other modules are its parts."""

from workflows.pump.loop import PumpBroken, PumpReport, run

__all__ = ["PumpBroken", "PumpReport", "run"]
