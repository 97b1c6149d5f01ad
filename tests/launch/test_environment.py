"""Virtualenvs, really made from small locks; and the real locks."""

import sys

import pytest

from launch import environment
from launch.process import LaunchError

EMPTY = "# nothing is locked here\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "requirements.txt").write_text(EMPTY)
    (tmp_path / "requirements-dev.txt").write_text(EMPTY)
    return tmp_path


def test_a_virtualenv_is_made_once_for_a_version_and_a_lock(root):
    made = environment.prepare(environment.SERVICE, root=root)
    assert made.path == root / ".venv-{}.{}".format(*sys.version_info)
    assert made.python.exists()
    (made.path / "marker").write_text("")
    environment.prepare(environment.SERVICE, root=root)
    assert (made.path / "marker").exists()


def test_a_changed_lock_is_installed_again_and_the_other_is_remembered(root):
    made = environment.prepare(environment.DEVELOPMENT, root=root)
    first = made.installed()
    (root / "requirements.txt").write_text(EMPTY * 2)
    environment.prepare(environment.SERVICE, root=root)
    assert set(first) == set(environment.DEVELOPMENT)
    assert made.installed()["requirements.txt"] == environment.digest(root / "requirements.txt")
    assert made.installed()["requirements-dev.txt"] == first["requirements-dev.txt"]


def test_a_virtualenv_whose_interpreter_is_gone_is_made_anew(root):
    made = environment.prepare(environment.SERVICE, root=root)
    made.python.unlink()
    made.python.symlink_to(root / "gone")
    environment.prepare(environment.SERVICE, root=root)
    assert made.python.exists()


def test_a_lock_that_cannot_be_installed_is_reported_and_not_recorded(root):
    wheel = root / "none-1.0-py3-none-any.whl"
    (root / "requirements.txt").write_text(f"none @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(LaunchError, match=r"installing requirements\.txt failed"):
        environment.prepare(environment.SERVICE, root=root)
    assert environment.Virtualenv(root / ".venv-{}.{}".format(*sys.version_info)).installed() == {}


def test_a_virtualenv_whose_making_was_broken_off_is_not_taken_for_current(tmp_path):
    broken = environment.Virtualenv(tmp_path)
    broken.python.parent.mkdir()
    broken.python.touch()
    broken.stamp.write_text('{"requirements.txt": "12')
    assert broken.installed() == {}


def test_an_interpreter_that_does_not_run_is_reported(tmp_path):
    with pytest.raises(LaunchError, match="does not run"):
        environment.version_of("/bin/false")


def test_the_locks_hold_hashes_and_nothing_of_the_machine_they_were_made_on():
    for name in environment.DEVELOPMENT:
        lines = (environment.ROOT / name).read_text().splitlines()
        assert any("--hash=sha256:" in line for line in lines)
        assert not [line for line in lines if "://" in line or line.startswith(("--", "-e", "/"))]


def test_the_development_lock_has_what_the_service_lock_has():
    pinned = [
        {line.split()[0] for line in (environment.ROOT / name).read_text().splitlines() if "==" in line}
        for name in environment.DEVELOPMENT
    ]
    assert pinned[1] <= pinned[0]
