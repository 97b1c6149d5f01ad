"""bin/test: every check and test, in an environment of its own; or only the tests that are named."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launch import browser, environment, postgres, process, promtool, pythons

PROGRAM = "bin/test"
WORKERS = 2


@dataclass(frozen=True)
class Outcome:
    """How one check ended; `passed` is None when it did not run."""

    name: str
    passed: bool | None
    seconds: float = 0.0

    def __str__(self) -> str:
        word = {True: "ok", False: "FAILED", None: "NOT RUN"}[self.passed]
        return f"{word:>8}  {self.name} ({self.seconds:.0f} s)"


def main(arguments: Sequence[str]) -> int:
    options, rest = parse(arguments)
    try:
        base = pythons.find(options.python) if options.python else sys.executable
        environment.enter(environment.DEVELOPMENT, base)
        os.chdir(environment.ROOT)
        return only_tests(rest) if rest else everything()
    except process.LaunchError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        allow_abbrev=False,
        description="Set up what is missing and run every check and test on real servers. Any other argument goes to "
        "pytest, and then only pytest runs: bin/test tests/mollifier -k name.",
    )
    parser.add_argument("--python", metavar="X.Y", help="run on this Python version, in a virtualenv of its own")
    return parser.parse_known_args(arguments)


def only_tests(rest: Sequence[str]) -> int:
    """Run pytest with these arguments, and nothing else."""
    return subprocess.run([sys.executable, "-m", "pytest", *rest], check=False).returncode


def everything() -> int:
    """Run every check, also when one before it failed, and say at the end which did."""
    planned: list[tuple[str, Callable[[], bool]]] = [
        ("ruff check", lambda: run("ruff", "check", ".")),
        ("ruff format", lambda: run("ruff", "format", "--check", "--quiet", ".")),
        ("mypy", lambda: run("mypy")),
        ("import-linter", lambda: call("lint-imports")),
        ("migrations", migrations_are_complete),
        ("tests", tests),
    ]
    has_promtool = promtool.find() is not None
    if has_promtool:
        planned.insert(-1, ("rules of Prometheus", rules_hold))
    has_browser = browser.find() is not None
    if has_browser:
        planned += [("browser tests", browser_tests), ("coverage", coverage)]
    outcomes = [timed(name, check) for name, check in planned]
    if not has_browser:
        outcomes += [Outcome("browser tests", False if in_ci() else None), Outcome("coverage", None)]
        print("\n*** THE BROWSER TESTS DID NOT RUN: there is no Chromium here, and none could be installed. ***\n")
    if not has_promtool:
        outcomes += [Outcome("rules of Prometheus", None)]
        print(
            "\n*** THE RULES OF PROMETHEUS WERE NOT TRIED: there is no promtool here, and apt has none to give. ***\n"
        )
    for outcome in outcomes:
        print(outcome)
    return 1 if any(outcome.passed is False for outcome in outcomes) else 0


def timed(name: str, check: Callable[[], bool]) -> Outcome:
    print(f"\n=== {name}", flush=True)
    since = time.monotonic()
    return Outcome(name, check(), time.monotonic() - since)


def migrations_are_complete() -> bool:
    """Ask whether every model change has its migration; Django looks at a database to answer."""
    with database() as url:
        env = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "settings.test"}
        command = [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run", "--skip-checks"]
        return subprocess.run(command, env=env, check=False).returncode == 0


@contextmanager
def database() -> Iterator[str]:
    """Give a database for one check: the one that the environment names, else one that ends with the check."""
    if os.environ.get("DATABASE_URL"):
        yield os.environ["DATABASE_URL"]
        return
    with tempfile.TemporaryDirectory(prefix="mollifier-checks-") as place:
        server = postgres.start(Path(place), process.free_port(), postgres.THROWAWAY)
        try:
            yield server.url
        finally:
            server.stop()


def rules_hold() -> bool:
    """Have promtool read the alerts, and try each of them on series that should and should not make it fire."""
    return promtool.check(environment.ROOT / "ops" / "prometheus")


def tests() -> bool:
    """Run what needs no browser, in parallel."""
    run("coverage", "erase")
    return measured("-n", str(WORKERS), "-m", "not browser")


def browser_tests() -> bool:
    """Run the others by themselves: Playwright keeps a loop in its process, which no other test may meet."""
    return measured("-m", "browser")


def measured(*arguments: str) -> bool:
    """Run pytest, measuring branches in every process that it starts."""
    return run("coverage", "run", "-m", "pytest", *arguments)


def coverage() -> bool:
    return run("coverage", "combine", "--quiet") and run("coverage", "report")


def run(module: str, *arguments: str) -> bool:
    return subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode == 0


def call(script: str) -> bool:
    """Run a script of the virtualenv that is no module."""
    path = environment.Virtualenv(Path(sys.prefix)).python.with_name(script)
    return subprocess.run([str(path)], check=False).returncode == 0


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true"}
