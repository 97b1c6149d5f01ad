"""Whose connections are whose: the processes below one, and the ports that they hold, as Linux tells it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")


def below(pid: int) -> Iterator[int]:
    """Yield a process and all that it started, each before its own."""
    yield pid
    try:
        children = (PROC / f"{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return
    for child in children:
        yield from below(int(child))


def held_by(pids: Iterable[int]) -> dict[int, int]:
    """Return the process of each local port that one of these has a connection from."""
    ports = dict(connections())
    return {ports[socket]: pid for pid in pids for socket in sockets(pid) if socket in ports}


def connections() -> Iterator[tuple[str, int]]:
    """Yield each TCP connection of this machine: its socket and its local port."""
    for line in (PROC / "net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        yield f"socket:[{fields[9]}]", int(fields[1].partition(":")[2], 16)


def sockets(pid: int) -> Iterator[str]:
    try:
        for each in (PROC / f"{pid}/fd").iterdir():
            yield str(each.readlink())
    except (FileNotFoundError, ProcessLookupError):
        return
