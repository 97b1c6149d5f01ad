"""A definition's document as operators edit it: text in, faults by place, and what a text would change."""

import difflib
import json
from dataclasses import dataclass
from typing import Any

from workflows.intake import definitions
from workflows.intake.definitions import Fault

PREFIX = "/document"
# Lines of a difference that a page shows; a larger change is told by its start.
MOST_LINES = 400
TONES = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a difference; `tone` is added, removed, place or same."""

    tone: str
    text: str


class NotJson(Exception):
    """The text is no JSON document."""

    code = "not_json"


def read(text: str) -> Any:
    """Read a document out of its text.

    Raises:
        NotJson: with line and column, or naming the member that is there twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise NotJson(f"Line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except RecursionError:
        raise NotJson("It is nested too deep.") from None


def lay_out(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


def faults(text: str) -> list[Fault]:
    """Return what is wrong with a text, each at its place in the document."""
    try:
        found = definitions.check(read(text))
    except NotJson as error:
        return [Fault("", str(error))]
    return [Fault(fault.path.removeprefix(PREFIX), fault.message) for fault in found]


def changes(before: Any, text: str) -> list[Line]:
    """Return what saving a text would change; nothing where it can't be read, or is what is there."""
    try:
        return difference(before, read(text))
    except NotJson:
        return []


def difference(before: Any, after: Any) -> list[Line]:
    """Compare two documents line by line; without a former one all of it is new."""
    old = [] if before is None else lay_out(before).splitlines()
    found = list(difflib.unified_diff(old, lay_out(after).splitlines(), n=3, lineterm=""))[2:]
    lines = [Line(TONES.get(each[:1], "same"), each) for each in found[:MOST_LINES]]
    if len(found) > MOST_LINES:
        lines.append(Line("place", f"… and {len(found) - MOST_LINES} lines more"))
    return lines


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotJson(f"The member {twice!r} is there twice in one object.")
    return made


def _no_constant(word: str) -> Any:
    raise NotJson(f"{word} is no JSON.")
