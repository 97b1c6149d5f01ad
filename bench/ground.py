"""The ground a benchmark stands on: servers of its own, durable as bin/up's, gone afterwards."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launch import environment, servers
from launch.data import DataDirectory
from launch.process import LaunchError

# The workflows of benchmarks, and patience while the buffer is filled: the gate's deadline is not what is measured.
GIVEN = {"EXTRA_APPS": "bench.chaos", "MOLLIFIER_EXCHANGE_TIMEOUT_MS": "5000"}


@contextmanager
def environment_of_own(**more: str) -> Iterator[dict[str, str]]:
    """Start both servers on free ports with every table made; yield the variables that name them, and more.

    Raises:
        LaunchError: they don't come up.
    """
    place = Path(tempfile.mkdtemp(prefix="mollifier-bench-"))
    data = DataDirectory(place)
    try:
        data.make()
        running = servers.start(data, given={})
        try:
            variables = {**running.environment(), **GIVEN, **more}
            migrate(variables)
            yield variables
        finally:
            running.stop()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def migrate(variables: dict[str, str]) -> None:
    command = [sys.executable, str(environment.ROOT / "manage.py"), "migrate", "--noinput", "--verbosity", "0"]
    made = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise LaunchError(f"migrate failed: {(made.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
