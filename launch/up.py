"""bin/up: set everything up if needed, then run it until a signal."""

import argparse
import errno
import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launch import environment, process, servers
from launch.data import DataDirectory, InUseError, Runtime
from launch.preparation import Preparation
from launch.supervisor import Program, Supervisor

PROGRAM = "bin/up"
READY_SECONDS = 60
WEB_WORKERS = 2
WEB_THREADS = 4
# The start outlives the change of interpreter.
SINCE = "BIN_UP_SINCE"


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    os.environ.setdefault(SINCE, str(time.time()))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        data = DataDirectory(Path(options.data_dir).resolve())
        if data.is_held():
            with data.held():
                pass
        check_port(options.port)
        environment.enter(environment.SERVICE)
        with data.held():
            return run(options, data)
    except InUseError as error:
        print(f"{PROGRAM}: {error}; use that one, stop it, or choose another: --data-dir D", file=sys.stderr)
    except process.LaunchError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Set up what is missing, start the embedded servers, the web server and the task clusters, and "
        "keep them running until Ctrl-C. DATABASE_URL and REDIS_URL, where set, are used instead of embedded servers.",
    )
    parser.add_argument("--port", type=int, default=8000, help="port of the web server on loopback (%(default)s)")
    parser.add_argument(
        "--data-dir",
        metavar="D",
        default=os.environ.get("DATA_DIR") or str(environment.ROOT / ".data"),
        help="where data and secrets are kept (DATA_DIR, else .data)",
    )
    parser.add_argument("--no-demo", action="store_true", help="make no demo org, user and key")
    return parser.parse_args(arguments)


def check_port(port: int) -> None:
    """Refuse a port that can't be listened on.

    Raises:
        LaunchError: it is taken, or not allowed.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            taken = getattr(error, "errno", None) == errno.EADDRINUSE
            why = "is taken by another program: stop it, or choose" if taken else f"can't be used ({error}): choose"
            raise process.LaunchError(f"port {port} {why} another port with --port") from None


def run(options: argparse.Namespace, data: DataDirectory) -> int:
    """Start the servers, prepare the database, and supervise the programs until a signal."""
    address = f"http://127.0.0.1:{options.port}"
    say("starting PostgreSQL and Valkey" if needs_servers() else "using the servers of DATABASE_URL and REDIS_URL")
    running = servers.start(data)
    try:
        data.announce(Runtime(PROGRAM, os.getpid(), running.database.url, running.redis.url, address))
        env = running.environment()
        say("preparing the database and the static files")
        fresh = Preparation(data, running, demo=not options.no_demo).run()
        supervisor = Supervisor(programs(env, options.port), running)
        supervisor.run(Readiness(address, data, fresh, supervisor).check)
    finally:
        since = time.monotonic()
        running.stop()
        say(f"stopped ({time.monotonic() - since:.1f} s for the servers); data is kept in {data.path}")
    return 0


def needs_servers() -> bool:
    return not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"))


def programs(env: Mapping[str, str], port: int) -> list[Program]:
    """Return what runs beside the servers."""
    env = {"LOG_FORMAT": "text", **env}
    web = [sys.executable, "-m", "granian", "--interface", "wsgi", "settings.wsgi:application"]
    web += ["--host", "127.0.0.1", "--port", str(port), "--no-ws", "--working-dir", str(environment.ROOT)]
    # A thread keeps a database connection; without a number there would be hundreds.
    web += ["--workers", str(WEB_WORKERS), "--blocking-threads", str(WEB_THREADS)]
    web += ["--blocking-threads-idle-timeout", "600", "--workers-kill-timeout", "10"]
    web += ["--respawn-failed-workers", "--respawn-interval", "0.5"]
    queue = [sys.executable, str(environment.ROOT / "manage.py"), "qcluster"]
    return [
        Program("web", web, env),
        Program("queue", queue, env),
        Program("pump", [*queue, "--name", "pump"], {**env, "Q_CLUSTER_NAME": "pump"}),
    ]


@dataclass
class Readiness:
    """Asks the web server until it is ready, then tells the person who waits."""

    address: str
    data: DataDirectory
    fresh: bool
    supervisor: Supervisor
    since: float = 0.0
    told: bool = False
    answer: str = "no answer"

    def check(self) -> None:
        """Look once.

        Raises:
            LaunchError: it is not ready in time.
        """
        if self.told:
            return
        self.since = self.since or time.monotonic()
        if self.is_ready():
            self.told = True
            self.tell()
        elif time.monotonic() - self.since > READY_SECONDS:
            raise process.LaunchError(f"the web server was not ready after {READY_SECONDS} s: {self.answer}")

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/healthz/ready", timeout=2):
                return True
        except urllib.error.HTTPError as error:
            self.answer = f"{self.address}/healthz/ready says {error.code}: {error.read(500).decode(errors='replace')}"
        except OSError as error:
            self.answer = f"{self.address}/healthz/ready: {error}"
        return False

    def tell(self) -> None:
        """Say that it is ready and how to get in."""
        took = time.time() - float(os.environ[SINCE])
        lines = [f"ready at {self.address} after {took:.1f} s", f"admin: {self.address}/admin/"]
        kept: dict[str, object] = {}
        if self.data.credentials.exists():
            kept = json.loads(self.data.credentials.read_text())
        if self.fresh:
            lines += [f"{name}: {value}" for name, value in kept.items()]
        if "admin_password" in kept:
            lines.append(f"user, password and keys are kept in {self.data.credentials}")
        else:
            lines.append("no password is kept here: bin/manage createsuperuser makes a user")
        for line in [*lines, "stop with Ctrl-C"]:
            self.supervisor.say(line)


def say(line: str) -> None:
    print(f"{'up':>8} | {line}", flush=True)
