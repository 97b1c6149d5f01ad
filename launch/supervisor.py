"""Keeps programs running: prefixes what they print, starts again what dies, stops all on one signal.

One thread does everything. Linux ties a child's life to the thread that started it, so it must be the main one.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TextIO

from launch import process, servers

LOOK_SECONDS = 0.1
STOP_SECONDS = 20
# A program that lived this long had no trouble starting.
SETTLED_SECONDS = 10
LONGEST_DELAY_SECONDS = 5.0
COLOURS = {"web": 32, "queue": 36, "pump": 35}


@dataclass(frozen=True)
class Program:
    """What to run, and under which name its lines are shown."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]


@dataclass
class Child:
    """A program with its present process, or the time at which it is started again."""

    program: Program
    running: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    start_at: float = 0.0
    delay_seconds: float = 0.0
    unfinished: bytes = b""


@dataclass
class Supervisor:
    """Runs the programs beside the embedded servers."""

    programs: Sequence[Program]
    servers: servers.Servers
    out: TextIO = field(default_factory=lambda: sys.stdout)

    def __post_init__(self) -> None:
        self.children = [Child(program) for program in self.programs]
        self.signals = 0
        self.server_start_at = 0.0
        self.server_delay_seconds = 0.0
        self._pipes = selectors.DefaultSelector()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._count_signal)

    def run(self, each_round: Callable[[], None]) -> None:
        """Keep everything running until a signal; `each_round` is called between looks.

        Raises:
            LaunchError: `each_round` gave up; the programs are stopped first.
        """
        try:
            while not self.signals:
                self.look(time.monotonic())
                each_round()
                self.show(LOOK_SECONDS)
        finally:
            self.stop()

    def look(self, now: float) -> None:
        """Start what is due, and note what died."""
        self.look_at_servers(now)
        for child in self.children:
            if child.running is None:
                if now >= child.start_at:
                    self.start(child, now)
            elif child.running.poll() is not None:
                self.bury(child, now)

    def look_at_servers(self, now: float) -> None:
        for server in self.servers.died():
            if now < self.server_start_at:
                continue
            self.say(f"{server.name} died; starting it again on its data")
            self.server_delay_seconds = next_delay(self.server_delay_seconds, now - self.server_start_at)
            try:
                self.servers.restart(server)
                self.say(f"{server.name} is back")
            except process.LaunchError as error:
                self.say(str(error))
            self.server_start_at = time.monotonic() + self.server_delay_seconds

    def start(self, child: Child, now: float) -> None:
        """Start a program in its own process group, bound to this process's life."""
        child.started_at = now
        child.running = subprocess.Popen(
            child.program.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(child.program.env),
            start_new_session=True,
            preexec_fn=process.die_with_parent(signal.SIGTERM),
        )
        assert child.running.stdout is not None
        os.set_blocking(child.running.stdout.fileno(), False)
        self._pipes.register(child.running.stdout, selectors.EVENT_READ, child)

    def bury(self, child: Child, now: float) -> None:
        """Show its last lines, end what it left behind, and say when it starts again."""
        assert child.running is not None
        how = describe_exit(child.running.returncode)
        self.end_group(child)
        child.delay_seconds = next_delay(child.delay_seconds, now - child.started_at)
        child.start_at = now + child.delay_seconds
        soon = f"in {child.delay_seconds:.1f} s" if child.delay_seconds else "now"
        self.say(f"{child.program.name} {how}; starting it again {soon}")

    def end_group(self, child: Child) -> None:
        """Kill what is left of the program's process group and let go of its pipe."""
        assert child.running is not None
        assert child.running.stdout is not None
        with suppress(ProcessLookupError):
            os.killpg(child.running.pid, signal.SIGKILL)
        self.show(0)
        self._pipes.unregister(child.running.stdout)
        child.running.stdout.close()
        child.running.wait()
        child.running = None
        child.unfinished = b""

    def stop(self) -> None:
        """Ask every program to stop, wait, then kill what is left; a second signal kills at once."""
        asked = self.signals
        deadline = time.monotonic() + STOP_SECONDS
        living = [child for child in self.children if child.running is not None]
        for child in living:
            assert child.running is not None
            with suppress(ProcessLookupError):
                child.running.terminate()
        while living and self.signals == asked and time.monotonic() < deadline:
            self.show(LOOK_SECONDS)
            for child in [each for each in living if each.running and each.running.poll() is not None]:
                self.end_group(child)
                living.remove(child)
        for child in living:
            self.say(f"{child.program.name} did not stop in time and was killed")
            self.end_group(child)

    def show(self, seconds: float) -> None:
        """Print what the programs said, a whole line at a time, waiting at most so long for more."""
        for key, _ in self._pipes.select(seconds):
            child: Child = key.data
            assert child.running is not None
            assert child.running.stdout is not None
            said = child.running.stdout.read(1 << 16)
            if not said:
                continue
            *lines, child.unfinished = (child.unfinished + said).split(b"\n")
            for line in lines:
                self.say(line.decode(errors="replace"), child.program.name)
        if not self._pipes.get_map():
            time.sleep(seconds)

    def say(self, line: str, name: str = "up") -> None:
        prefix = f"{name:>8} | "
        if self.out.isatty() and name in COLOURS:
            prefix = f"\033[{COLOURS[name]}m{prefix}\033[0m"
        self.out.write(f"{prefix}{line}\n")
        self.out.flush()

    def _count_signal(self, *_: object) -> None:
        self.signals += 1


def next_delay(previous_seconds: float, lived_seconds: float) -> float:
    """Return the pause before the next start: none after a settled life, else half a second and doubling."""
    if lived_seconds >= SETTLED_SECONDS:
        return 0.0
    return min(LONGEST_DELAY_SECONDS, previous_seconds * 2 or 0.5)


def describe_exit(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with {status}"
