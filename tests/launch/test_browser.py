"""Finding a browser where one is, without installing anything."""

from launch import browser


def test_a_browser_on_path_is_taken_by_any_of_its_names(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.on_path() is None
    program = tmp_path / "chromium-browser"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert browser.find() == str(program)


def test_without_apt_nothing_is_installed_by_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.installed_by_apt() is None


def test_an_apt_that_fails_leaves_no_browser(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    program = tmp_path / "apt-get"
    program.write_text("#!/bin/sh\nexit 100\n")
    program.chmod(0o755)
    assert browser.installed_by_apt() is None
