"""Processor time that processes have spent, as Linux tells it."""

import os
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# In what follows the name of a process: user and system time.
USER, SYSTEM = 11, 12


def seconds(pids: Iterable[int]) -> float:
    """Return what these processes have spent since they started, all threads together."""
    return sum(ticks(pid) for pid in pids) / TICKS_PER_SECOND


def ticks(pid: int) -> int:
    # A name may hold spaces and brackets.
    fields = (PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[USER]) + int(fields[SYSTEM])
