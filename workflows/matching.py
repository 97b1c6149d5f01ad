"""Which names an emitted event has, and which patterns match them. Pure."""

import re
from collections.abc import Sequence

import msgspec

from workflows.states import FINISHED

PATTERN = re.compile(r"[a-zA-Z0-9_-]+(?:\.[a-zA-Z0-9_-]+)*(?:\.\*)?")
TYPE = re.compile(r"[a-zA-Z0-9_-]+(?:\.[a-zA-Z0-9_-]+)*")
MAX_TYPE = 100
PATTERN_HELP = "An event type such as order.created, or a prefix such as order.* for all below it."
TERMINAL = "workflow.instance_terminal"
ENDINGS = (TERMINAL, *(f"{TERMINAL}.{status}" for status in sorted(FINISHED)))


class _Ended(msgspec.Struct):
    status: str = ""


def names_of(type_: str, payload: bytes) -> Sequence[str]:
    """Return the names an event can be bound by: its type, and how an instance ended where that is what it tells."""
    if type_ != TERMINAL:
        return (type_,)
    try:
        status = msgspec.json.decode(payload, type=_Ended).status
    except msgspec.DecodeError:
        return (type_,)
    return (type_, f"{type_}.{status}") if status else (type_,)


def matches(pattern: str, names: Sequence[str]) -> bool:
    """Tell whether a pattern is one of the names, or is ``prefix.*`` of one."""
    if pattern.endswith(".*"):
        return any(name.startswith(pattern[:-1]) for name in names)
    return pattern in names


def is_type(value: object) -> bool:
    """Tell whether it can be the type of an event: a text of that form."""
    return isinstance(value, str) and len(value) <= MAX_TYPE and TYPE.fullmatch(value) is not None
