"""The virtualenv: one for each Python version, brought to a lock file's packages only when that file changed."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launch.process import LaunchError

ROOT = Path(__file__).resolve().parent.parent
SERVICE = ("requirements.txt",)
# The first file names everything; the second is a part of it.
DEVELOPMENT = ("requirements-dev.txt", "requirements.txt")


@dataclass(frozen=True)
class Virtualenv:
    """A directory with an interpreter and what was installed into it."""

    path: Path

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    @property
    def stamp(self) -> Path:
        return self.path / "installed.json"

    def installed(self) -> dict[str, str]:
        """Return the hash of each lock file as it was when installed."""
        if not self.python.exists() or not self.stamp.exists():
            return {}
        try:
            found: dict[str, str] = json.loads(self.stamp.read_text())
        except ValueError:
            # Who wrote it was killed over it.
            return {}
        return found


def enter(locks: tuple[str, ...], base: str = sys.executable) -> None:
    """Continue this program in the virtualenv of `base`, which is made or brought up to date first.

    Raises:
        LaunchError: it can't be made, or the packages can't be installed.
    """
    virtualenv = prepare(locks, base)
    if Path(sys.prefix) != virtualenv.path:
        sys.stdout.flush()
        os.execv(virtualenv.python, [str(virtualenv.python), *sys.argv])


def prepare(locks: tuple[str, ...], base: str = sys.executable, root: Path = ROOT) -> Virtualenv:
    """Return the virtualenv of the interpreter's version, with the packages of the first lock file in it."""
    virtualenv = Virtualenv(root / f".venv-{version_of(base)}")
    wanted = {name: digest(root / name) for name in locks}
    if is_current(virtualenv, wanted):
        return virtualenv
    with only_one(root / ".cache" / f"{virtualenv.path.name}.lock"):
        installed = virtualenv.installed()
        if not is_current(virtualenv, wanted):
            since = time.monotonic()
            say(f"setting up {virtualenv.path.name} from {locks[0]}; later starts skip this")
            make(virtualenv, base)
            install(virtualenv, root / locks[0])
            virtualenv.stamp.write_text(json.dumps({**installed, **wanted}))
            say(f"{virtualenv.path.name} is set up ({time.monotonic() - since:.0f} s)")
    return virtualenv


def is_current(virtualenv: Virtualenv, wanted: dict[str, str]) -> bool:
    installed = virtualenv.installed()
    return all(installed.get(name) == value for name, value in wanted.items())


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def version_of(python: str) -> str:
    """Return an interpreter's version as "3.13"."""
    if python == sys.executable:
        return "{}.{}".format(*sys.version_info)
    question = "import sys; print('{}.{}'.format(*sys.version_info))"
    answer = subprocess.run([python, "-c", question], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise LaunchError(f"{python} does not run: {answer.stderr.strip()}")
    return answer.stdout.strip()


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a lock file, waiting for whoever holds it."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make(virtualenv: Virtualenv, base: str) -> None:
    """Create the virtualenv unless a working one is there."""
    if virtualenv.python.exists():
        return
    shutil.rmtree(virtualenv.path, ignore_errors=True)
    uv = shutil.which("uv")
    ways = [[base, "-m", "venv", str(virtualenv.path)]]
    ways += [[uv, "venv", "--quiet", "--seed", "--python", base, str(virtualenv.path)]] if uv else []
    for way in ways:
        made = subprocess.run(way, capture_output=True, text=True, check=False)
        if made.returncode == 0:
            return
        shutil.rmtree(virtualenv.path, ignore_errors=True)
    version = version_of(base)
    raise LaunchError(
        f"can't make a virtualenv: Python {version} has no venv module (Debian: `apt install python{version}-venv`)"
    )


def install(virtualenv: Virtualenv, lock: Path) -> None:
    """Install the lock file's packages, each checked against its hashes: by uv where it is present, else by pip."""
    uv = shutil.which("uv")
    if uv is not None:
        command = [uv, "pip", "install", "--quiet", "--python", str(virtualenv.python), "--compile-bytecode"]
        if (
            subprocess.run([*command, "--require-hashes", "-r", str(lock)], capture_output=True, check=False).returncode
            == 0
        ):
            return
    command = [str(virtualenv.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*command, "--require-hashes", "-r", str(lock)], stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip said nothing"]
        raise LaunchError(f"installing {lock.name} failed: {said[-1]} (is the package registry reachable?)")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
