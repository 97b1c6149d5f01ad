"""Old interpreters are refused, or replaced by a newer one on PATH."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from launch import interpreter

ROOT = Path(__file__).parents[2]


def test_this_interpreter_is_new_enough():
    assert interpreter.require() is None


def test_an_old_interpreter_without_a_newer_one_ends_with_one_line(monkeypatch):
    monkeypatch.setattr(interpreter, "OLDEST", (9, 0))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match=r"is too old: install Python 3\.11 or newer"):
        interpreter.require()


def test_an_old_interpreter_goes_on_as_a_newer_one(tmp_path):
    newer = tmp_path / "python3.13"
    newer.write_text('#!/bin/sh\necho "newer $@"\n')
    newer.chmod(0o755)
    code = (
        "import sys; from launch import interpreter as i; i.OLDEST = (9, 0); sys.argv = ['up', '--help']; i.require()"
    )
    path = os.pathsep.join([str(tmp_path), "/bin"])
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert shown.stdout == "newer up --help\n"
