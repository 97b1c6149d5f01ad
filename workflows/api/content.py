"""What JSON text may not hold though it is valid: NUL characters and deep nesting.

Most bodies are cleared by a few passes in C; only one that is at fault is walked, to name the place.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from workflows.api.problems import Problem, invalid

MAX_DEPTH = 64
ESCAPED_NUL = b"\\u0000"
# The escape itself, not the text of it after an escaped backslash; outside of texts JSON has no backslash.
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
PAIR = re.compile(rb"\[\]|\{\}")
NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def find_fault(body: bytes, at: str) -> Problem | None:
    """Return the problem of a body that was decoded before: a reader with a small stack or a table can't take it."""
    if (ESCAPED_NUL not in body or not NUL.search(body)) and is_shallow(body):
        return None
    for pointer, depth, text in walk(msgspec.json.decode(body), at):
        if depth > MAX_DEPTH:
            return invalid("too_deep", f"JSON may be nested {MAX_DEPTH} levels deep.", pointer)
        if "\0" in text:
            return invalid("nul_character", "A text holds a NUL character.", pointer)
    return None


def is_shallow(body: bytes) -> bool:
    """Tell whether the nesting is within MAX_DEPTH, by peeling it from the inside."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return True
    rest, size = body.translate(None, NOT_BRACKETS), 0
    # A round peels at most two levels. Brackets in texts may be left over: then the texts are taken out first.
    for _ in range(MAX_DEPTH // 2):
        if len(rest) == size:
            break
        size = len(rest)
        rest = rest.replace(b"[]", b"").replace(b"{}", b"")
    return not rest or peel(TEXT.sub(b"", body).translate(None, NOT_BRACKETS))


def peel(brackets: bytes) -> bool:
    """Take the innermost pairs away, one level a round; True when MAX_DEPTH rounds leave nothing."""
    for _ in range(MAX_DEPTH):
        if not brackets:
            return True
        brackets = PAIR.sub(b"", brackets)
    return not brackets


def walk(value: Any, at: str) -> Iterator[tuple[str, int, str]]:
    """Yield pointer, depth and text of every text, member name and container below a value, without recursion."""
    rest: list[tuple[str, int, Any]] = [(at, 0, value)]
    while rest:
        pointer, depth, item = rest.pop()
        match item:
            case str():
                yield pointer, depth, item
            case dict():
                yield pointer, depth + 1, ""
                for name, member in item.items():
                    yield pointer, depth + 1, name
                    rest.append((f"{pointer}/{escape(name)}", depth + 1, member))
            case list():
                yield pointer, depth + 1, ""
                rest += [(f"{pointer}/{index}", depth + 1, member) for index, member in enumerate(item)]
            case _:
                pass


def escape(name: str) -> str:
    """Escape a member name for a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")
