"""Finds the interpreter of a version."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from launch.process import LaunchError


def find(version: str) -> str:
    """Return a working interpreter of a version such as "3.13": from PATH, pyenv's versions, or uv's.

    Raises:
        LaunchError: this machine has none.
    """
    for candidate in candidates(version):
        if answers_as(candidate, version):
            return candidate
    raise LaunchError(
        f"no Python {version} on PATH or among pyenv's and uv's versions; install it, or leave --python out"
    )


def candidates(version: str) -> Iterator[str]:
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(map(str, pyenv.glob(f"versions/{version}.*/bin/python")), reverse=True)
    yield from sorted(
        map(str, Path.home().glob(f".local/share/uv/python/cpython-{version}.*/bin/python3")), reverse=True
    )


def answers_as(python: str, version: str) -> bool:
    """Tell whether it runs and has this version; a pyenv shim may name a version that isn't chosen."""
    question = "import sys; print('{}.{}'.format(*sys.version_info))"
    answer = subprocess.run([python, "-c", question], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == version
