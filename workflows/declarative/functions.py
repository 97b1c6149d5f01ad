"""What an expression may call: pure functions over JSON values, each bounded in what it makes."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

MAX_TEXT = 100_000
MAX_RANGE = 10_000
# No number here has more of them.
MAX_DIGITS = 400


class ValueUnfit(Exception):
    """A value is not what a function or an operator takes, or the result would be too large."""

    code = "expression_failed"


def text(value: Any) -> str:
    """Return a text as it is, and anything else as its JSON."""
    made = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return _short(made)


def number(value: Any) -> int | float:
    """Read a number out of a text; a number stays itself."""
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueUnfit(f"{kind(value)} is no number")
    return value


def whole(value: Any) -> int:
    return int(number(value))


def floating(value: Any) -> float:
    return float(number(value))


def rounded(value: Any, digits: int = 0) -> int | float:
    """Round half to even; without digits to a whole number."""
    # Ten to the power of the digits is reckoned first, however many they are.
    return round(number(value), max(-MAX_DIGITS, min(digits, MAX_DIGITS))) if digits else round(number(value))


def length(value: Any) -> int:
    if not isinstance(value, (str, list, dict)):
        raise ValueUnfit(f"{kind(value)} has no length")
    return len(value)


def total(values: list[Any]) -> int | float:
    return sum(number(each) for each in _list(values))


def least(*values: Any) -> Any:
    return min(_list(values[0]) if len(values) == 1 else values)


def greatest(*values: Any) -> Any:
    return max(_list(values[0]) if len(values) == 1 else values)


def ordered(values: list[Any]) -> list[Any]:
    return sorted(_list(values))


def join(values: list[Any], between: str = "") -> str:
    parts = [text(each) for each in _list(values)]
    if sum(map(len, parts)) + len(parts) * len(_text(between)) > MAX_TEXT:
        raise ValueUnfit(f"the text would be longer than {MAX_TEXT} characters")
    return between.join(parts)


def split(value: str, between: str) -> list[str]:
    if not _text(between):
        raise ValueUnfit("split needs a text to split at")
    return _text(value).split(between)


def replace(value: str, old: str, new: str) -> str:
    if not _text(old):
        raise ValueUnfit("replace needs a text to replace")
    if len(_text(value)) + value.count(old) * len(_text(new)) > MAX_TEXT:
        raise ValueUnfit(f"the text would be longer than {MAX_TEXT} characters")
    return value.replace(old, new)


def get(value: Any, name: Any, otherwise: Any = None) -> Any:
    """Return a member of an object or an item of a list, else what is given for the case that it is not there."""
    if isinstance(value, dict):
        return value.get(name, otherwise)
    if isinstance(value, list) and isinstance(name, int) and not isinstance(name, bool):
        return value[name] if -len(value) <= name < len(value) else otherwise
    return otherwise


def has(value: Any, name: Any) -> bool:
    return name in value if isinstance(value, dict) else False


def numbers(count: int) -> list[int]:
    if not 0 <= whole(count) <= MAX_RANGE:
        raise ValueUnfit(f"range takes 0 to {MAX_RANGE}")
    return list(range(whole(count)))


def parse_json(value: str) -> Any:
    return _parsed(_text(value))


def kind(value: Any) -> str:
    """Name a value's kind as people know it from JSON."""
    if value is None:
        return "null"
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "this")


def _parsed(value: str) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueUnfit(f"{value[:40]!r} can't be read: {error}") from None


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueUnfit(f"{kind(value)} is no list")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueUnfit(f"{kind(value)} is no text")
    return value


def _short(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise ValueUnfit(f"the text is longer than {MAX_TEXT} characters")
    return value


def _no_clock() -> str:
    raise ValueUnfit("there is no time here")


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": lambda value: abs(number(value)),
    "bool": bool,
    "ends_with": lambda value, end: _text(value).endswith(_text(end)),
    "float": floating,
    "get": get,
    "has": has,
    "int": whole,
    "join": join,
    "json": lambda value: _short(msgspec.json.encode(value).decode()),
    "keys": lambda value: list(value) if isinstance(value, dict) else [],
    "len": length,
    "lower": lambda value: _text(value).lower(),
    "max": greatest,
    "min": least,
    "now": _no_clock,
    "parse_json": parse_json,
    "range": numbers,
    "replace": replace,
    "round": rounded,
    "sorted": ordered,
    "split": split,
    "starts_with": lambda value, start: _text(value).startswith(_text(start)),
    "str": text,
    "strip": lambda value: _text(value).strip(),
    "sum": total,
    "upper": lambda value: _text(value).upper(),
    "values": lambda value: list(value.values()) if isinstance(value, dict) else [],
}
