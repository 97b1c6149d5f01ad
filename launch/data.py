"""The data directory: what bin/up keeps between starts, and what it tells bin/manage while it runs."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from launch.process import LaunchError


@dataclass(frozen=True)
class Runtime:
    """How to reach what runs, or what ran last: bin/up takes the same ports again when they are free."""

    program: str
    pid: int
    database_url: str
    redis_url: str
    address: str | None = None


class InUseError(LaunchError):
    """Another program holds the directory."""


@dataclass(frozen=True)
class DataDirectory:
    """A directory that at most one program holds at a time."""

    path: Path

    @property
    def credentials(self) -> Path:
        return self.path / "credentials.json"

    def make(self) -> None:
        """Create the directory and the secret key, for their owner alone, where they are missing."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            key = self.path / "secret_key"
            if not key.exists():
                write_private(key, secrets.token_urlsafe(48))
        except OSError as error:
            raise LaunchError(f"can't write to the data directory: {error}; choose another: --data-dir D") from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the directory until the block ends; a killed holder lets go.

        Raises:
            InUseError: another program has it.
        """
        self.make()
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InUseError(f"{self.path} is in use{self._by_whom()}") from None
            yield

    def is_held(self) -> bool:
        """Tell whether a program holds the directory now."""
        try:
            with self.held():
                return False
        except InUseError:
            return True

    def runtime(self) -> Runtime | None:
        """Return what the present holder, or the last one, wrote."""
        try:
            return Runtime(**json.loads((self.path / "runtime.json").read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None

    def announce(self, runtime: Runtime) -> None:
        write_private(self.path / "runtime.json", json.dumps(asdict(runtime), indent=1))

    def _by_whom(self) -> str:
        runtime = self.runtime()
        if runtime is None:
            return ""
        at = f" at {runtime.address}" if runtime.address else ""
        return f" by {runtime.program} (pid {runtime.pid}){at}"


def write_private(path: Path, content: str) -> None:
    """Replace a file in one go, readable by its owner alone."""
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)
    draft.replace(path)
