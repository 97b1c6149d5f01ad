"""The scripts: each is a file, and is called by the names of its slots.

The lines `local name = KEYS[n]` and `local name = ARGV[n]` of a file are its signature. A KEYS slot is a family of
mollifier/keys.py; an ARGV slot is an argument of that name; more arguments may follow as a tail.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from mollifier import keys

SLOT = re.compile(r"^local (\w+) = (?:tonumber\()?(KEYS|ARGV)\[(\d+)\]", re.MULTILINE)
Command = tuple[Any, ...]
FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Script:
    """One file: its text, and its slots in order."""

    name: str
    text: str
    sha: str
    keys: tuple[str, ...]
    arguments: tuple[str, ...]

    def command(self, partition: int | str = 0, tail: Sequence[Any] = (), **arguments: Any) -> Command:
        """Return the EVALSHA call.

        Raises:
            KeyError: an argument is missing.
        """
        return (*head(self, partition), *[arguments[name] for name in self.arguments], *tail)


@lru_cache(maxsize=256)
def head(script: Script, partition: int | str) -> Command:
    """Return the part of a call that is the same for a partition."""
    return ("EVALSHA", script.sha, len(script.keys), *[keys.key(name, partition) for name in script.keys])


@cache
def load(name: str) -> Script:
    """Read one file."""
    return parse(name, (FOLDER / f"{name}.lua").read_text())


def parse(name: str, text: str) -> Script:
    """Find the slots of a script.

    Raises:
        ValueError: they are not numbered from 1 without a gap.
    """
    slots: dict[str, list[tuple[int, str]]] = {"KEYS": [], "ARGV": []}
    for slot, kind, number in SLOT.findall(text):
        slots[kind].append((int(number), slot))
    for kind, found in slots.items():
        if [number for number, _ in found] != list(range(1, len(found) + 1)):
            raise ValueError(f"{name}.lua does not name its {kind} slots in order")
    sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    names = {kind: tuple(slot for _, slot in found) for kind, found in slots.items()}
    return Script(name, text, sha, names["KEYS"], names["ARGV"])


def every() -> list[Script]:
    """Return all scripts, by name."""
    return [load(path.stem) for path in sorted(FOLDER.glob("*.lua"))]
