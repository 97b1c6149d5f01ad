"""Our end of the pipe: makes a peer's virtualenv, starts its program there and asks it for figures."""

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launch import environment, process
from launch.environment import Virtualenv
from launch.process import LaunchError

HERE = Path(__file__).parent
READY_SECONDS, ANSWER_SECONDS, STOP_SECONDS = 60.0, 120.0, 10.0


class NotMeasured(Exception):
    """A peer gives no figure; the message says why."""


@dataclass
class Peer:
    """A program that answers figures. `name` is what it calls itself."""

    child: "subprocess.Popen[str]"
    name: str = ""

    def ask(self, figure: str, **given: Any) -> Any:
        """Have a figure measured, or a thing done, and return what it answers.

        Raises:
            NotMeasured: it says that it can't, has gone, or takes too long.
        """
        self.send(figure, **given)
        return self.answer()

    def send(self, figure: str, **given: Any) -> None:
        """Ask without waiting; the next `answer` is the one to this."""
        assert self.child.stdin is not None
        try:
            self.child.stdin.write(json.dumps({"figure": figure, "given": given}) + "\n")
            self.child.stdin.flush()
        except OSError:
            raise NotMeasured(f"{self.name} has gone") from None

    def answer(self) -> Any:
        return self.read(ANSWER_SECONDS)["value"]

    def read(self, seconds: float) -> dict[str, Any]:
        """Return its next line."""
        assert self.child.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.child.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                raise NotMeasured(f"no answer within {seconds:.0f} s")
        line = self.child.stdout.readline()
        if not line:
            raise NotMeasured(f"it ended without a word, with {self.child.wait()}")
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise NotMeasured(" ".join(str(said["error"]).split()))
        return said


@contextmanager
def peer(name: str, *arguments: str) -> Iterator[Peer]:
    """Start a peer's program.

    Raises:
        NotMeasured: its packages can't be installed, or it does not come up.
    """
    with started(program(name, *arguments), log_of(name)) as running:
        yield running


@contextmanager
def worker(name: str, *arguments: str) -> Iterator[None]:
    """Have what runs a peer's jobs, with all that it starts, run beside the program that sends them.

    Raises:
        NotMeasured: its packages can't be installed.
    """
    command = program(name, *arguments, "work")
    child = process.spawn(command, log_of(f"{name}-worker"), death_signal=signal.SIGTERM)
    try:
        yield
    finally:
        process.stop(child, signal.SIGTERM, STOP_SECONDS)
        end_group(child.pid)


def end_group(leader: int) -> None:
    """End what a program has left behind; one that had to be killed could not."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def program(name: str, *arguments: str) -> list[str]:
    """Return the command of a peer's program.

    Raises:
        NotMeasured: its packages can't be installed.
    """
    try:
        virtualenv = prepare(name)
    except LaunchError as error:
        raise NotMeasured(str(error)) from error
    return [str(virtualenv.python), str(HERE / f"{name}_peer.py"), *arguments]


def log_of(name: str) -> Path:
    return Path(f"{place(name)}.log")


@contextmanager
def started(command: Sequence[str], log: Path) -> Iterator[Peer]:
    """Run a program that answers until its input is closed, as it also is when we die; what it logs goes to a file."""
    with log.open("w") as told:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
            start_new_session=True,
        )
    running = Peer(child)
    try:
        running.name = running.read(READY_SECONDS)["ready"]
        yield running
    finally:
        stop(child)


def stop(child: "subprocess.Popen[str]") -> None:
    """Close its input, which ends it; kill it when that takes long."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.close()
        child.wait(STOP_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        child.kill()
        child.wait()
    end_group(child.pid)
    child.stdout.close()


def prepare(name: str) -> Virtualenv:
    """Return the virtualenv of a peer, made from its lock file at the first call and kept.

    Raises:
        LaunchError: it can't be made.
    """
    virtualenv, lock = Virtualenv(place(name)), HERE / f"{name}.txt"
    wanted = {lock.name: environment.digest(lock)}
    virtualenv.path.parent.mkdir(parents=True, exist_ok=True)
    with environment.only_one(Path(f"{virtualenv.path}.lock")):
        if not environment.is_current(virtualenv, wanted):
            environment.say(f"setting up {virtualenv.path.name} from {lock.name}; later runs skip this")
            environment.make(virtualenv, sys.executable)
            environment.install(virtualenv, lock)
            virtualenv.stamp.write_text(json.dumps(wanted))
    return virtualenv


def place(name: str) -> Path:
    """Return where a peer is kept: like our own virtualenv, outside the data that a run throws away."""
    return environment.ROOT / ".cache" / "peers" / f"{name}-{environment.version_of(sys.executable)}"
