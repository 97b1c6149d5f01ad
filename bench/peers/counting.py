"""A job that only counts itself, and how its sender learns when the last one was done. Needs nothing installed.

Each process that runs jobs has a small file, mapped into memory, of how many it ran and when the last one was; so a
count is no exchange with anything, and a job costs what its queue makes of it.
"""

import mmap
import os
import struct
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

LINE = struct.Struct("=qd")
LOOK_SECONDS, GIVE_UP_SECONDS = 0.005, 90.0

# Where the files are; a program says so before it has others run for it.
place = Path()


def count() -> None:
    """Do nothing, and be counted."""
    mapped = _mapped(os.getpid())
    done, _ = LINE.unpack_from(mapped)
    LINE.pack_into(mapped, 0, done + 1, time.time())


@cache
def _mapped(pid: int) -> mmap.mmap:
    """Return the file of this process; one that was forked off has another."""
    path = place / str(pid)
    path.write_bytes(LINE.pack(0, 0.0))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), LINE.size)


def counted() -> tuple[int, float]:
    """Return how many ran in all processes, and when the last one did."""
    lines = [LINE.unpack(held) for path in place.iterdir() if len(held := path.read_bytes()) == LINE.size]
    return sum(done for done, _ in lines), max((at for _, at in lines), default=0.0)


def timed(send: Callable[[int], object], jobs: int, batch: int) -> dict[str, float]:
    """Send so many jobs, `batch` at once; return the seconds until all were sent, and until the last one was done.

    Raises:
        TimeoutError: not all were done.
    """
    before, _ = counted()
    began = time.time()
    for _ in range(jobs // batch):
        send(batch)
    sent = time.time() - began
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while (now := counted())[0] < before + jobs:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{before + jobs - now[0]} of {jobs} jobs were not done")
        time.sleep(LOOK_SECONDS)
    return {"sent": sent, "done": now[1] - began}
