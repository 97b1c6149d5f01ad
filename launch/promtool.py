"""Finds promtool, Prometheus' own checker of rules, fetching Debian's where that is possible."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from launch import environment

# Some have it apart.
PACKAGES = ("promtool", "prometheus")
# Unpacked here, not installed: nothing of the machine changes and no server is started.
KEPT = environment.ROOT / ".cache" / "promtool"


def find(kept: Path = KEPT) -> str | None:
    """Return a promtool: the system's, one fetched before, else one fetched now; or None."""
    return present(kept) or fetched(kept)


def present(kept: Path = KEPT) -> str | None:
    own = kept / "promtool"
    return shutil.which("promtool") or (str(own) if own.exists() else None)


def fetched(kept: Path = KEPT) -> str | None:
    """Take promtool out of Debian's package; None when this is no such machine or it failed."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return None
    print("fetching promtool for the rules of Prometheus", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="promtool-") as place:
        unpacked = unpack(Path(place)) or (unpack(Path(place)) if refreshed() else None)
        if unpacked is None:
            return None
        kept.mkdir(parents=True, exist_ok=True)
        shutil.move(unpacked, kept / "promtool")
    return present(kept)


def unpack(place: Path) -> Path | None:
    """Download the first package that has it, and unpack that."""
    for package in PACKAGES:
        subprocess.run(["apt-get", "download", "-qq", package], cwd=place, capture_output=True, check=False)
        for found in place.glob(f"{package}_*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(found), str(place)], capture_output=True, check=False)
        if (unpacked := place / "usr" / "bin" / "promtool").exists():
            return unpacked
    return None


def refreshed() -> bool:
    """Bring apt's lists up to date, where we may."""
    return subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False).returncode == 0


def check(place: Path, kept: Path = KEPT) -> bool:
    """Check the rules in a directory, and run their tests; what is wrong goes to the terminal."""
    tool = present(kept)
    return tool is not None and all(
        subprocess.run([tool, *command], cwd=place, check=False).returncode == 0
        for command in (["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"])
    )
