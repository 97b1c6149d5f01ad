"""Runbooks as pages: what docs/runbooks says of an alert, for somebody who has only a browser at hand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from workflows.ops import rules
from workflows.ops.alert import Alert

PLACE = Path(__file__).resolve().parent.parent / "docs" / "runbooks"
ALERTS = {alert.name: alert for alert in rules.ALERTS}
# What runbooks are written with: code, links, and words that stand out.
MARKS = re.compile(r"`(?P<code>[^`]+)`|\[(?P<text>[^]]+)\]\((?P<target>[^)]+)\)|\*(?P<word>[^*]+)\*")


@dataclass(frozen=True, slots=True)
class Section:
    """One question of a runbook; it has either items or one text."""

    title: str
    items: tuple[SafeString, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Runbook:
    """What to do about an alert; `lead` says when it fires."""

    alert: Alert
    lead: SafeString
    sections: tuple[Section, ...]


def read(name: str) -> Runbook | None:
    """Return the runbook of an alert; None when there is no such alert."""
    if name not in ALERTS:
        return None
    lead, *parts = (PLACE / f"{name}.md").read_text().split("\n## ")
    first = " ".join(lead.splitlines()[1:])
    return Runbook(
        ALERTS[name], marked(first.removesuffix(" [All alerts](../metrics.md#alerts).")), tuple(map(section, parts))
    )


def section(part: str) -> Section:
    title, _, body = part.partition("\n")
    joined = re.sub(r"\n(?!- )", " ", body.strip())
    if joined.startswith("- "):
        return Section(title, items=tuple(marked(line.removeprefix("- ")) for line in joined.splitlines()))
    return Section(title, text=marked(joined))


def marked(text: str) -> SafeString:
    """Return text as HTML, with its marks made elements and all else escaped."""
    return format_html_join("", "{}", ((piece,) for piece in pieces(text.strip())))


def pieces(text: str) -> Iterator[str]:
    at = 0
    for mark in MARKS.finditer(text):
        yield text[at : mark.start()]
        yield element(mark)
        at = mark.end()
    yield text[at:]


def element(mark: re.Match[str]) -> str:
    if mark["code"]:
        return format_html("<code>{}</code>", mark["code"])
    if mark["word"]:
        return format_html("<em>{}</em>", mark["word"])
    alert = mark["target"].removesuffix(".md")
    if alert in ALERTS:
        return format_html('<a href="{}">{}</a>', reverse("dashboard:runbook", args=[alert]), mark["text"])
    # The other documents are no pages here; their names say where to look.
    return format_html("{} (docs/{})", mark["text"], mark["target"].removeprefix("../"))
