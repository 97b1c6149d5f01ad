"""What is wrong with a document, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault; `path` is a JSON pointer into the document."""

    path: str
    message: str


def at(path: str, *names: object) -> str:
    """Go deeper from a JSON pointer."""
    return path + "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in names)
