"""The processes of a stress run: pumps that can be killed and started again, submitters, resumers."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers import asking
from bench.peers.asking import Peer
from launch import environment, process
from settings import env

STOP_SECONDS = 25.0
# What no log of a pump may say, whatever happens to it.
UNEXPECTED = ("Traceback", "pump_error", "replay_diverged", "replay_failed", "event_refused")
PUMP = (str(environment.ROOT / "manage.py"), "workflow_pump")


@dataclass
class Pump:
    """A process that runs some shards, killed and started again at will; all of its lives write one log."""

    shards: tuple[int, ...]
    log: Path
    command: Sequence[str] = PUMP
    child: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        named = [word for shard in self.shards for word in ("--shard", str(shard))]
        self.child = process.spawn([sys.executable, *self.command, *named], self.log, death_signal=signal.SIGKILL)

    def runs(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()

    def stop(self) -> None:
        if self.child is not None:
            process.stop(self.child, signal.SIGTERM, STOP_SECONDS)

    def unexpected(self) -> list[str]:
        """Return the lines of its log that should not be there."""
        told = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [line[:300] for line in told if any(word in line for word in UNEXPECTED)]


@dataclass
class Crew:
    """Who takes part. Submitters and resumers stay for the whole run."""

    submitters: list[Peer] = field(default_factory=list)
    resumers: list[Peer] = field(default_factory=list)


@contextmanager
def gathered(submitters: int, resumers: int) -> Iterator[Crew]:
    """Start the processes that send."""
    crew = Crew()
    with ExitStack() as stack:
        for module, count, members in (
            ("submitter", submitters, crew.submitters),
            ("resumer", resumers, crew.resumers),
        ):
            for number in range(count):
                command = [sys.executable, "-m", f"bench.chaos.{module}"]
                log = place() / f"{module}-{number}.log"
                members.append(stack.enter_context(asking.started(command, log)))
        yield crew


@contextmanager
def pumping(*lanes: tuple[int, ...], name: str = "pump", command: Sequence[str] = PUMP) -> Iterator[list[Pump]]:
    """Start a pump for each group of shards; stop them all afterwards. Their logs carry the name."""
    pumps = [Pump(lane, place() / f"{name}-{number}.log", command) for number, lane in enumerate(lanes)]
    for pump in pumps:
        pump.log.unlink(missing_ok=True)
        pump.start()
    try:
        yield pumps
    finally:
        for pump in pumps:
            if pump.runs() and pump.child is not None:
                pump.child.send_signal(signal.SIGTERM)
        for pump in pumps:
            pump.stop()


def place() -> Path:
    made = env.data_dir() / "stress"
    made.mkdir(parents=True, exist_ok=True)
    return made
