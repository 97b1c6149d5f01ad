"""Prepares the database, the static files and the demo tenant; skipped when nothing that they come from has changed."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launch import environment
from launch.data import DataDirectory, write_private
from launch.process import LaunchError
from launch.servers import Servers

# Migrating also checks the settings, so a changed one has to be looked at again.
SETTINGS = ("MOLLIFIER_", "WORKFLOWS_", "QUEUE_", "DJANGO_SETTINGS_MODULE")
SOURCES = ("requirements.txt", "settings/*.py", "*/migrations/*.py", "*/schedules.py", "*/static/**/*")


@dataclass(frozen=True)
class Preparation:
    """What a data directory needs before the programs may start."""

    data: DataDirectory
    servers: Servers
    demo: bool

    @property
    def stamp(self) -> Path:
        """The note of what was prepared; it goes when the database's files go."""
        return self.data.path / "postgres" / "prepared"

    def run(self) -> bool:
        """Do what is not done yet; return whether new credentials were made.

        Raises:
            LaunchError: a command failed; what it said was printed.
        """
        if self.is_done():
            return False
        env = self.servers.environment()
        static = spawn(["collectstatic", "--noinput", "--verbosity", "0"], env)
        finish(spawn(["migrate", "--noinput", "--verbosity", "0"], env), "migrate")
        fresh = keep_credentials(finish(spawn(["seed_demo"], env), "seed_demo"), self.data) if self.demo else False
        finish(static, "collectstatic")
        if self.servers.database.embedded:
            self.stamp.write_text(self.fingerprint())
        return fresh

    def is_done(self) -> bool:
        """Tell whether this was prepared before; of somebody else's database or apps we can't know."""
        if self.servers.database.embedded is None or os.environ.get("EXTRA_APPS"):
            return False
        return self.stamp.exists() and self.stamp.read_text() == self.fingerprint()

    def fingerprint(self, root: Path = environment.ROOT) -> str:
        """Return a digest of everything that preparing reads."""
        given = sorted(item for item in os.environ.items() if item[0].startswith(SETTINGS))
        seen = hashlib.sha256(f"{self.demo} {self.data.credentials.exists()} {given}".encode())
        for path in sources(root):
            seen.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
        return seen.hexdigest()


def sources(root: Path) -> Iterator[Path]:
    for pattern in SOURCES:
        found = (path for path in sorted(root.glob(pattern)) if path.is_file())
        yield from (path for path in found if not path.relative_to(root).parts[0].startswith("."))


def keep_credentials(printed: str, data: DataDirectory) -> bool:
    """Merge what was made into the credentials file; a secret is told only when it is made."""
    made = {name: value for name, value in json.loads(printed).items() if value is not None}
    known = json.loads(data.credentials.read_text()) if data.credentials.exists() else {}
    if {**known, **made} == known:
        return False
    write_private(data.credentials, json.dumps({**known, **made}, indent=1))
    return True


def spawn(arguments: Sequence[str], env: Mapping[str, str]) -> "subprocess.Popen[str]":
    command = [sys.executable, str(environment.ROOT / "manage.py"), *arguments]
    return subprocess.Popen(command, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(child: "subprocess.Popen[str]", name: str) -> str:
    """Return what the command printed.

    Raises:
        LaunchError: it failed; what it said was printed.
    """
    printed, said = child.communicate()
    if child.returncode != 0:
        sys.stderr.write(said)
        last = (said.strip().splitlines() or ["it said nothing"])[-1]
        raise LaunchError(f"`manage.py {name}` failed: {last}")
    return printed
