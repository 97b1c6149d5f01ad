"""The settings that this process works with: each with its value, its default, and what the docs say it does."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mollifier import conf as mollifier_conf
from workflows import conf as workflows_conf

DOCS = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
ROW = re.compile(r"\| `(?P<name>[A-Z_]+)` \| .*? \| (?P<effect>.*) \|")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
PASSWORD = re.compile(r"(?P<before>[a-z][a-z0-9+.-]*://[^:/?#@\s]*:)[^/?#\s]*@(?=[^/?#@\s])")
HIDDEN, NOTHING = "••••••", "–"  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as people read it; a secret says only whether it is set."""

    name: str
    value: str
    default: str
    differs: bool
    effect: str


@dataclass(frozen=True, slots=True)
class Group:
    """The settings of one app."""

    title: str
    settings: tuple[Setting, ...]

    @property
    def differing(self) -> int:
        return sum(each.differs for each in self.settings)


def groups() -> tuple[Group, ...]:
    """Return every setting, app by app."""
    sources = (("Mollifier", mollifier_conf), ("Workflows", workflows_conf))
    return tuple(Group(title, tuple(_settings(conf.NAME, conf.current()))) for title, conf in sources)


def _settings(prefix: str, current: Any) -> Iterator[Setting]:
    effects = read_effects()
    for each in dataclasses.fields(current):
        name, value = f"{prefix}_{each.name.upper()}", getattr(current, each.name)
        differs = value != each.default
        if not each.repr:
            yield Setting(name, HIDDEN if value else "not set", "not set", differs, effects.get(name, ""))
        else:
            yield Setting(name, written(value), written(each.default), differs, effects.get(name, ""))


@cache
def read_effects() -> Mapping[str, str]:
    """Return what the docs say of each setting; nothing where they were not shipped."""
    if not DOCS.exists():
        return {}
    found = (ROW.fullmatch(line.strip()) for line in DOCS.read_text().splitlines())
    return {row["name"]: plain(row["effect"]) for row in found if row}


def plain(markdown: str) -> str:
    return LINK.sub(r"\1", markdown).replace("`", "")


def written(value: object) -> str:
    """Write a value as the docs do; the password of a URL is hidden."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,g}"
    return PASSWORD.sub(rf"\g<before>{HIDDEN}@", str(value)) or NOTHING
