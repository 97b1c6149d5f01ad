"""What an operator can set, watch or run is in the docs."""

import dataclasses
import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from mollifier import conf as mollifier_conf
from mollifier import keys
from workflows import conf as workflows_conf

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def rows(document: str) -> list[list[str]]:
    """Return the cells of every table row in a document, code marks taken off."""
    lines = (DOCS / document).read_text().splitlines()
    cells = [
        [cell.strip().strip("`") for cell in line.strip().strip("|").split(" | ")] for line in lines if "|" in line
    ]
    return [row for row in cells if len(row) > 1]


def test_each_setting_is_documented_with_its_default() -> None:
    documented = {row[0]: row[1] for row in rows("settings.md") if row[0].startswith(("MOLLIFIER_", "WORKFLOWS_"))}
    assert documented == {
        f"{prefix}_{field.name.upper()}": written(field.default)
        for prefix, conf in (("MOLLIFIER", mollifier_conf.Conf), ("WORKFLOWS", workflows_conf.Conf))
        for field in dataclasses.fields(conf)
    }


def test_each_variable_that_settings_read_is_documented() -> None:
    source = "".join(path.read_text() for path in (ROOT / "settings").glob("*.py"))
    read = set(re.findall(r'env\.(?:text|flag|integer|words|required)\("(\w+)"', source))
    assert read <= {row[0] for row in rows("settings.md")}


def written(default: object) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, int):
        return f"{default:,}"
    return f"{default:g}" if isinstance(default, float) else str(default) or "-"


@pytest.mark.parametrize("family", keys.TABLE, ids=lambda family: family.name)
def test_each_redis_key_is_documented_as_the_table_has_it(family: keys.Family) -> None:
    shown = keys.key(family.name) + ":".join(f"<{part}>" for part in family.per.split(":") if part)
    assert [shown, family.type, family.life, family.holds] in rows("redis.md")


def own_commands() -> list[str]:
    return sorted(
        name for name, app in get_commands().items() if app in {"mollifier", "workflows", "dashboard", "demo"}
    )


@pytest.mark.parametrize("command", own_commands())
def test_each_command_is_documented(command: str) -> None:
    assert f"## {command}" in (DOCS / "commands.md").read_text().splitlines()


@pytest.mark.parametrize("document", sorted(ROOT.glob("*.md")) + sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_no_link_leads_nowhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", document.read_text()) + re.findall(r'src="([^"]+)"', document.read_text())
    broken = [each for each in targets if "://" not in each and not (document.parent / each).exists()]
    assert broken == []


@pytest.mark.parametrize("document", sorted(ROOT.glob("*.md")) + sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_no_named_module_is_gone(document: Path) -> None:
    named = re.findall(
        r"`((?:mollifier|workflows|dashboard|demo|launch|settings|bench|tests)/[\w/.]*)`", document.read_text()
    )
    assert [each for each in named if not (ROOT / each).exists()] == []
