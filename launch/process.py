"""Child processes that can't outlive their parent, and the ports they listen on."""

import ctypes
import itertools
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
# Below those that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere).
PORTS = range(20_000, 32_768)


class LaunchError(Exception):
    """Something could not be started; the message is one line that says what and what to do."""


def die_with_parent(sig: signal.Signals) -> Callable[[], None] | None:
    """Return a preexec function that asks Linux to send `sig` when the parent dies; None elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(sig))

    return ask


def spawn(
    command: Sequence[str], log: Path, *, death_signal: signal.Signals, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a child with its output in a file, in its own process group, bound to this process's life."""
    with log.open("ab") as output:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            start_new_session=True,
            preexec_fn=die_with_parent(death_signal),
        )


def free_port(preferred: int | None = None) -> int:
    """Return a free loopback port: the preferred one if it is, else any that no outgoing connection is given.

    Races: another process may take it before the caller does; a connection that somebody opens can't.

    Raises:
        LaunchError: none of many is free.
    """
    tried = itertools.chain([] if preferred is None else [preferred], random.sample(PORTS, 1_000))
    found = next((port for port in tried if port_is_free(port)), None)
    if found is None:
        raise LaunchError(f"none of 1,000 ports of {PORTS.start}-{PORTS.stop - 1} on 127.0.0.1 is free")
    return found


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_until(ready: Callable[[], bool], child: subprocess.Popen[bytes], log: Path, what: str, seconds: float) -> None:
    """Poll until ready.

    Raises:
        LaunchError: the child died or the time is up; the message ends with the log's last line.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if child.poll() is not None:
            raise LaunchError(f"{what} exited with {child.returncode}: {last_line(log)} (all of it: {log})")
        if time.monotonic() > deadline:
            child.kill()
            raise LaunchError(f"{what} was not ready after {seconds:.0f} s: {last_line(log)} (all of it: {log})")
        time.sleep(0.01)


def stop(child: subprocess.Popen[bytes], sig: signal.Signals, seconds: float) -> None:
    """Signal a child and wait; kill it when it takes longer."""
    if child.poll() is not None:
        return
    child.send_signal(sig)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it said nothing"
