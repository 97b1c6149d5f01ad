"""bin/test: what it passes on, and what it says without a browser."""

import subprocess
import sys
from pathlib import Path

import pytest

from launch import checks
from tests import servers

ROOT = Path(__file__).parents[2]


def test_what_is_not_an_option_of_its_own_goes_to_pytest():
    options, rest = checks.parse(["--python", "3.12", "tests/launch", "-k", "name", "--maxfail=1"])
    assert options.python == "3.12"
    assert rest == ["tests/launch", "-k", "name", "--maxfail=1"]


@pytest.mark.parametrize(("value", "strict"), [("true", True), ("1", True), ("", False), ("false", False)])
def test_only_a_true_ci_is_strict_about_the_browser(monkeypatch, value, strict):
    monkeypatch.setenv("CI", value)
    assert checks.in_ci() is strict


def test_what_did_not_run_is_not_called_ok():
    shown = [str(checks.Outcome("it", passed, 2.0)) for passed in (True, False, None)]
    assert shown == ["      ok  it (2 s)", "  FAILED  it (2 s)", " NOT RUN  it (2 s)"]


def test_every_model_change_has_its_migration(monkeypatch):
    monkeypatch.delenv("DATABASE_URL")
    assert checks.migrations_are_complete()


@pytest.mark.processes
def test_named_tests_run_alone_with_their_own_status():
    command = [sys.executable, str(ROOT / "bin" / "test"), "-q", "--collect-only", "tests/launch/test_pythons.py"]
    shown = subprocess.run(command, env=servers.environment(), capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert "test_an_interpreter_on_path_is_found" in shown.stdout
    assert "ruff" not in shown.stdout
    missing = subprocess.run([*command[:-1], "tests/launch/nothing.py"], capture_output=True, check=False)
    assert missing.returncode == 4
