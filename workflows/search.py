"""What people type to find instances, read into one frozen filter: `status:failed org:acme age>5m -tag:vip`. Pure.

Every word must hold; of values with commas between them one must. A minus before a word excludes, quotes keep spaces,
commas and colons together, and a word without a qualifier is a tag.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from workflows.states import Status

MAX_TEXT, MAX_TERMS, MAX_VALUES, MAX_VALUE = 1_000, 20, 50, 255
BUFFERED = "buffered"
STATUSES = (BUFFERED, *(status.value for status in Status))
WORD = re.compile(
    r"""(?P<minus>-)?(?:(?P<name>[A-Za-z_]+)(?P<sign>:|>=|<=|>|<))?(?P<value>(?:"(?:[^"\\]|\\.)*"|[^\s"])*)"""
)
PART = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|[^,"])+""")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
PLAIN = re.compile(r"[\w./-]+")
AGE = re.compile(r"(?P<number>\d{1,6}(?:\.\d{1,3})?)(?P<unit>[smhdw])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
LONGEST = timedelta(days=3650)
SHARDS = 32_768


class SearchInvalid(Exception):
    """A text that can't be read: the word at fault, and what to write instead."""

    code = "search_invalid"

    def __init__(self, word: str, fault: str, fix: str) -> None:
        super().__init__(f"{word}: {fault}; {fix}")
        self.word, self.fault, self.fix = word, fault, fix


@dataclass(frozen=True, slots=True)
class Term:
    """One word. `values` hold the type of their qualifier; `sign` is `:` or how a time compares."""

    qualifier: str
    values: tuple[Any, ...]
    excluded: bool = False
    sign: str = ":"

    def __str__(self) -> str:
        written = ",".join(_written(value) for value in self.values)
        return f"{'-' if self.excluded else ''}{self.qualifier}{self.sign}{written}"


@dataclass(frozen=True, slots=True)
class Filter:
    """All that must hold. `str()` writes it so that `parse` reads the same."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def qualifiers(self) -> frozenset[str]:
        return frozenset(term.qualifier for term in self.terms)

    def of(self, *qualifiers: str) -> Iterator[Term]:
        """Yield the terms of these qualifiers."""
        return (term for term in self.terms if term.qualifier in qualifiers)

    def without(self, *qualifiers: str) -> "Filter":
        return Filter(tuple(term for term in self.terms if term.qualifier not in qualifiers))

    @property
    def statuses(self) -> frozenset[str]:
        """Return the statuses that can hold."""
        left = set(STATUSES)
        for term in self.of("status"):
            left = left.difference(term.values) if term.excluded else left.intersection(term.values)
        return frozenset(left)


def parse(text: str) -> Filter:
    """Read what was typed.

    Raises:
        SearchInvalid: naming the word and the fix.
    """
    if len(text) > MAX_TEXT:
        raise SearchInvalid(f"{text[:20]}…", f"a search may have {MAX_TEXT:,} characters", "ask for less at a time")
    if "\0" in text or any("\ud800" <= each <= "\udfff" for each in text):
        raise SearchInvalid(ascii(text)[:40], "it holds a NUL or half a character", "type it again")
    words = list(_words(text))
    if len(words) > MAX_TERMS:
        raise SearchInvalid(words[MAX_TERMS][0], f"a search may have {MAX_TERMS} words", "join values with commas")
    return _readable(Filter(tuple(_term(*word) for word in words)))


def compose(text: str, **chosen: str | None) -> Filter:
    """Read what was typed, and add what was chosen beside it.

    Raises:
        SearchInvalid: see `parse`.
    """
    typed = parse(text).terms
    added = (parse(str(Term(name, (value,)))).terms for name, value in chosen.items() if value)
    return _readable(Filter((*typed, *(term for terms in added for term in terms if term not in typed))))


def _readable(found: Filter) -> Filter:
    """Refuse what `parse` would not take as it is written: links and bulk actions keep it so."""
    written = str(found)
    if len(written) > MAX_TEXT:
        fault = f"with its quotes and qualifiers it has {len(written):,} characters, and may have {MAX_TEXT:,}"
        raise SearchInvalid(f"{written[:20]}…", fault, "ask for less at a time")
    return found


def _words(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = WORD.match(text, at)
        if found is None or found.end() == at or (found.end() < len(text) and text[found.end()] == '"'):
            raise SearchInvalid(text[at : at + 40], "a quote is never closed", 'close it with another "')
        yield found[0], found
        at = found.end()


def _term(word: str, found: re.Match[str]) -> Term:
    name, sign = (found["name"] or "tag").lower(), found["sign"] or ":"
    if found["name"] is None and (id_ := as_uuid(found["value"])):
        return Term("id", (id_,), bool(found["minus"]))
    reader = READERS.get(name)
    if reader is None:
        close = difflib.get_close_matches(name, READERS, 1)
        meant = f"write {close[0]}{sign}" if close else f"there are {', '.join(READERS)}"
        raise SearchInvalid(word, f"{name} is not a qualifier", f'{meant}, or quote a tag: "{found[0]}"')
    raw = [_plain(part) for part in PART.findall(found["value"])]
    if not raw or any(not part for part in raw):
        raise SearchInvalid(word, "it has no value", f"write one behind {name}{sign}, or take the word away")
    if len(raw) > MAX_VALUES:
        raise SearchInvalid(word, f"it has more than {MAX_VALUES} values", "ask for less at a time")
    _check_sign(word, name, sign, raw)
    return Term(name, tuple(reader(word, part) for part in raw), bool(found["minus"]), sign)


def _check_sign(word: str, name: str, sign: str, raw: list[str]) -> None:
    if name in TIMES:
        if sign not in TIMES[name] or len(raw) > 1:
            raise SearchInvalid(word, f"{name} is compared with one value", f"write {name}>{TIMES_LIKE[name]}")
    elif sign != ":":
        raise SearchInvalid(word, f"{name} is not compared", f"write {name}:{raw[0]}")


def _plain(part: str) -> str:
    return QUOTED.sub(lambda found: re.sub(r"\\(.)", r"\1", found[1]), part)


def _written(value: Any) -> str:
    if isinstance(value, timedelta):
        return _age_written(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z").replace("T00:00:00Z", "")
    text = str(value)
    if PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _age_written(age: timedelta) -> str:
    """Write it in the largest unit that it is a whole number of, else in seconds, else in one that it was read in."""
    for unit, name in reversed(UNITS.items()):
        number, rest = divmod(age, timedelta(**{name: 1}))
        if not rest and (number or unit == "s") and AGE.fullmatch(f"{number}{unit}"):
            return f"{number}{unit}"
    written = [f"{age / timedelta(**{name: 1}):.3f}{unit}" for unit, name in UNITS.items()]
    return next(each for each in written if AGE.fullmatch(each) and _age(each, each) == age)


def as_uuid(text: str) -> UUID | None:
    """Read an id that somebody typed; None: it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _text(word: str, value: str) -> str:
    if len(value) > MAX_VALUE:
        raise SearchInvalid(f"{word[:40]}…", f"a value may have {MAX_VALUE} characters", "shorten it")
    return value


def _status(word: str, value: str) -> str:
    if value.lower() not in STATUSES:
        close = difflib.get_close_matches(value.lower(), STATUSES, 1) or STATUSES
        raise SearchInvalid(word, f"there is no status {value}", f"write one of {', '.join(close)}")
    return value.lower()


def _shard(word: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal()) or len(value) > 5 or int(value) >= SHARDS:
        raise SearchInvalid(word, "a shard is a number", "write one like shard:0")
    return int(value)


def _id(word: str, value: str) -> UUID:
    if (id_ := as_uuid(value)) is None:
        raise SearchInvalid(word, "it is no id", "write the whole id of an instance, 36 characters")
    return id_


def _age(word: str, value: str) -> timedelta:
    found = AGE.fullmatch(value)
    if found is None:
        raise SearchInvalid(word, f"{value} is no age", "write a number with s, m, h, d or w, like age>5m")
    age = timedelta(**{UNITS[found["unit"]]: float(found["number"])})
    if age > LONGEST:
        raise SearchInvalid(word, "it is longer than ten years", "write a shorter one, like age>30d")
    return age


def _moment(word: str, value: str) -> datetime:
    try:
        given = datetime.fromisoformat(value)
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        fix = "write one like created>2026-01-31 or created<2026-01-31T12:00Z"
        raise SearchInvalid(word, f"{value} is no time", fix) from None


READERS: Mapping[str, Callable[[str, str], Any]] = MappingProxyType(
    {
        "org": _text,
        "env": _text,
        "definition": _text,
        "status": _status,
        "tag": _text,
        "shard": _shard,
        "source": _text,
        "event": _text,
        "id": _id,
        "age": _age,
        "created": _moment,
    }
)
TIMES: Mapping[str, tuple[str, ...]] = MappingProxyType({"age": (">", "<"), "created": (">", "<", ">=", "<=")})
TIMES_LIKE = MappingProxyType({"age": "5m", "created": "2026-01-31"})
