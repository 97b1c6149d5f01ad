"""Finds a browser for the browser tests, installing one where that is allowed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find() -> str | None:
    """Return a Chromium: the system's, else Debian's by apt where we may, else Playwright's own; or None."""
    return on_path() or installed_by_apt() or installed_by_playwright()


def on_path() -> str | None:
    return next((path for path in map(shutil.which, NAMES) if path), None)


def installed_by_apt() -> str | None:
    """Install Debian's chromium as root; None when this is no such machine or it failed."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    print("installing Debian's chromium for the browser tests", file=sys.stderr, flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
    ):
        if subprocess.run(command, env=env, capture_output=True, check=False).returncode != 0:
            return None
    return on_path()


def installed_by_playwright() -> str | None:
    """Have Playwright download its own Chromium; None when it can't."""
    print("trying Playwright's own chromium for the browser tests", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        return None
    question = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=False)
    path = answer.stdout.strip()
    return path if answer.returncode == 0 and Path(path).exists() else None
