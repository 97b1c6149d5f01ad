"""Effective settings: each with its value, its default and its effect."""

import dataclasses

import pytest

from mollifier import conf as mollifier_conf
from workflows import conf as workflows_conf
from workflows.intake import effective


def by_name():
    return {each.name: each for group in effective.groups() for each in group.settings}


def test_every_setting_is_listed_with_its_effect():
    fields = (*dataclasses.fields(mollifier_conf.Conf), *dataclasses.fields(workflows_conf.Conf))
    assert len(by_name()) == len(fields)
    assert [each.name for each in by_name().values() if not each.effect] == []


def test_what_differs_is_marked(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "LIMIT": 1_234, "DRAIN": False}
    settings.WORKFLOWS = {**settings.WORKFLOWS, "RETENTION_DAYS": 1.5, "MAX_DEPTH": 10}
    found = by_name()
    shown = {name: (found[name].value, found[name].default, found[name].differs) for name in found}
    assert shown["MOLLIFIER_LIMIT"] == ("1,234", "100", True)
    assert shown["MOLLIFIER_DRAIN"] == ("off", "on", True)
    assert shown["WORKFLOWS_RETENTION_DAYS"] == ("1.5", "30", True)
    assert shown["WORKFLOWS_MAX_DEPTH"] == ("10", "10", False)
    mollifier, _ = effective.groups()
    assert mollifier.differing >= 2


def test_secrets_are_hidden(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SECRET_KEYS": "very-secret", "SERVICE_URL": "http://me:pa:ss@host:1/x"}
    found = by_name()
    assert (found["WORKFLOWS_SECRET_KEYS"].value, found["WORKFLOWS_SECRET_KEYS"].differs) == (effective.HIDDEN, True)
    assert found["WORKFLOWS_SERVICE_URL"].value == f"http://me:{effective.HIDDEN}@host:1/x"
    assert "very-secret" not in repr(found)
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SECRET_KEYS": ""}
    assert by_name()["WORKFLOWS_SECRET_KEYS"].value == "not set"


def test_without_the_docs_only_the_effects_are_missing(monkeypatch, tmp_path):
    effective.read_effects.cache_clear()
    monkeypatch.setattr(effective, "DOCS", tmp_path / "settings.md")
    assert effective.read_effects() == {}
    assert by_name()["MOLLIFIER_LIMIT"].effect == ""
    effective.read_effects.cache_clear()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("redis://:p@h/0", f"redis://:{effective.HIDDEN}@h/0"),
        ("http://h:1/a@b", "http://h:1/a@b"),
        ("", effective.NOTHING),
        (0.5, "0.5"),
    ],
)
def test_values_are_written_as_the_docs_do(value, shown):
    assert effective.written(value) == shown


def test_links_of_the_docs_are_taken_off():
    assert effective.plain("See `x` ([more](a.md#b)).") == "See x (more)."
