"""Finding an interpreter by its version."""

import sys

import pytest

from launch import pythons
from launch.process import LaunchError

PRESENT = "{}.{}".format(*sys.version_info)


def fake_pyenv(root, name, target):
    python = root / "versions" / name / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(target)
    return python


def test_an_interpreter_on_path_is_found(tmp_path, monkeypatch):
    (tmp_path / f"python{PRESENT}").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pythons.find(PRESENT) == str(tmp_path / f"python{PRESENT}")


def test_an_interpreter_of_pyenv_is_found_without_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    python = fake_pyenv(tmp_path, f"{PRESENT}.1", sys.executable)
    assert pythons.find(PRESENT) == str(python)


def test_what_does_not_run_as_its_name_says_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    fake_pyenv(tmp_path, "3.99.1", sys.executable)
    with pytest.raises(LaunchError, match=r"no Python 3\.99"):
        pythons.find("3.99")
