"""bin/manage: manage.py in the environment of bin/up, against its servers.

While bin/up runs, its servers are used. Else the embedded ones are started for the command's duration.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from launch import environment, process, servers
from launch.data import DataDirectory, InUseError, Runtime

PROGRAM = "bin/manage"
POLL_SECONDS = 0.2


def main(arguments: Sequence[str]) -> int:
    try:
        environment.enter(environment.SERVICE)
        return run(arguments)
    except process.LaunchError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1


def run(arguments: Sequence[str]) -> int:
    """Run the command, waiting while another bin/manage has the embedded servers."""
    data = DataDirectory(data_path())
    command = [sys.executable, str(environment.ROOT / "manage.py"), *arguments]
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        data.make()
        os.execve(command[0], command, servers.start(data).environment())
    told = False
    while True:
        try:
            with data.held():
                return with_own_servers(data, command)
        except InUseError as error:
            runtime = data.runtime()
            if runtime is not None and runtime.program != PROGRAM:
                os.execve(command[0], command, servers.of(runtime, data))
            if not told:
                print(f"{PROGRAM}: {error}; waiting for it to end", file=sys.stderr)
                told = True
            time.sleep(POLL_SECONDS)


def data_path() -> Path:
    return Path(os.environ.get("DATA_DIR") or environment.ROOT / ".data").resolve()


def with_own_servers(data: DataDirectory, command: Sequence[str]) -> int:
    """Run the command on servers that end with it."""
    running = servers.start(data)
    try:
        data.announce(Runtime(PROGRAM, os.getpid(), running.database.url, running.redis.url))
        child = subprocess.Popen(command, env=running.environment(), preexec_fn=process.die_with_parent(signal.SIGTERM))
        # A terminal's Ctrl-C reaches the child by itself.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, _frame: child.send_signal(number))
        return child.wait()
    finally:
        running.stop()
