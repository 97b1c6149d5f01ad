"""Finding promtool, and taking it out of a package without installing anything."""

import pytest

from launch import promtool


def program(place, name, text):
    made = place / name
    made.write_text(f"#!/bin/sh\n{text}\n")
    made.chmod(0o755)
    return str(made)


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A PATH of its own, with what shell scripts need."""
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", f"{place}")
    return place


def test_the_system_s_own_is_taken_first(tmp_path, path):
    own = program(path, "promtool", "exit 0")
    assert promtool.find(tmp_path / "kept") == own


def test_without_apt_there_is_none(tmp_path, path):
    assert promtool.find(tmp_path / "kept") is None


def test_an_apt_that_has_no_such_package_leaves_none(tmp_path, path):
    program(path, "apt-get", "exit 100")
    program(path, "dpkg-deb", "exit 2")
    assert promtool.find(tmp_path / "kept") is None
    assert not (tmp_path / "kept").exists()


def test_it_is_unpacked_from_the_package_that_has_it_and_kept(tmp_path, path):
    program(path, "apt-get", '[ "$3" = prometheus ] && echo > prometheus_2.deb')
    program(path, "dpkg-deb", '/bin/mkdir -p "$3/usr/bin" && echo > "$3/usr/bin/promtool"')
    kept = tmp_path / "kept"
    assert promtool.find(kept) == str(kept / "promtool")
    program(path, "apt-get", "exit 100")
    assert promtool.find(kept) == str(kept / "promtool")


def test_rules_hold_when_they_can_be_read_and_their_tests_pass(tmp_path, path):
    kept = tmp_path / "kept"
    assert not promtool.check(tmp_path, kept)
    told = tmp_path / "told"
    program(path, "promtool", f'echo "$@" >> {told}')
    assert promtool.check(tmp_path, kept)
    assert told.read_text().splitlines() == ["check rules rules.yml", "test rules rules_test.yml"]
    program(path, "promtool", '[ "$1" = check ]')
    assert not promtool.check(tmp_path, kept)
