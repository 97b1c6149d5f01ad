"""What callers may change of an instance without touching its run: tags and metadata. Pure: values in, values out.

The same rules hold for an entry in the buffer and for a row. Metadata stays JSON text: only the members that an
operation names are decoded, so numbers, empty lists and the order of the others stay as they were sent.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

MAX_TAGS = 10
MAX_INTEGER = 2**63 - 1

Tag = Annotated[str, Meta(min_length=1, max_length=64)]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=MAX_TAGS)]
Key = Annotated[str, Meta(min_length=1, max_length=255)]
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Number = int | float


class Set(Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="set"):
    """Put a value under a key, whatever was there."""

    key: Name
    value: Any


class Delete(Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="delete"):
    """Take a key away; one that is not there is no fault."""

    key: Name


class Increment(Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="increment"):
    """Add to a number; one that is not there counts from 0."""

    key: Name
    by: Number = 1


class Append(Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="append"):
    """Put a value at the end of a list; one that is not there is begun."""

    key: Name
    value: Any


Operation = Set | Delete | Increment | Append


@dataclass(frozen=True, slots=True)
class Attributes:
    """Tags and metadata as they are; `version` counts the changes of the metadata."""

    tags: tuple[str, ...] = ()
    metadata: bytes = b"{}"
    version: int = 0


@dataclass(frozen=True, slots=True)
class ChangeTags:
    """Tags to take away, then tags to add; one that is there already stays in its place."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeMetadata:
    """Operations in order, all or none; `expected_version` is the version they were decided at."""

    operations: tuple[Operation, ...]
    max_bytes: int
    expected_version: int | None = None


Change = ChangeTags | ChangeMetadata


@dataclass(frozen=True, slots=True)
class LimitExceeded:
    """More than an instance may carry; nothing is changed."""

    limit: str
    most: int


@dataclass(frozen=True, slots=True)
class VersionConflict:
    """The metadata was changed since the caller read it."""

    expected: int
    current: int


@dataclass(frozen=True, slots=True)
class OperationInvalid:
    """The operation at `index` can't be done on what is there; nothing is changed."""

    index: int
    message: str


Refusal = LimitExceeded | VersionConflict | OperationInvalid


class _Impossible(Exception):
    """An operation does not fit the value under its key."""


def merge(attributes: Attributes, change: Change) -> Attributes | Refusal:
    """Apply a change."""
    match change:
        case ChangeTags():
            return _merge_tags(attributes, change)
        case ChangeMetadata():
            return _merge_metadata(attributes, change)


def _merge_tags(attributes: Attributes, change: ChangeTags) -> Attributes | Refusal:
    kept = [tag for tag in attributes.tags if tag not in change.remove]
    tags = tuple(dict.fromkeys([*kept, *change.add]))
    return LimitExceeded("tags", MAX_TAGS) if len(tags) > MAX_TAGS else replace(attributes, tags=tags)


def _merge_metadata(attributes: Attributes, change: ChangeMetadata) -> Attributes | Refusal:
    if change.expected_version not in (None, attributes.version):
        return VersionConflict(change.expected_version or 0, attributes.version)
    members = _members.decode(attributes.metadata)
    for index, operation in enumerate(change.operations):
        try:
            _operate(members, operation)
        except _Impossible as error:
            return OperationInvalid(index, str(error))
    metadata = _encode(members)
    if len(metadata) > change.max_bytes:
        return LimitExceeded("metadata", change.max_bytes)
    return replace(attributes, metadata=metadata, version=attributes.version + 1)


def _operate(members: dict[str, Raw], operation: Operation) -> None:
    match operation:
        case Set(key, value):
            members[key] = Raw(_encode(value))
        case Delete(key):
            members.pop(key, None)
        case Increment(key, by):
            members[key] = Raw(_encode(_sum(members.get(key), by)))
        case Append(key, value):
            members[key] = Raw(_encode([*_items(members.get(key)), Raw(_encode(value))]))


def _sum(before: Raw | None, by: Number) -> Number:
    value = 0 if before is None else msgspec.json.decode(before)
    if isinstance(value, bool) or not isinstance(value, Number):
        raise _Impossible("what is there is not a number")
    total = value + by
    if isinstance(total, float) and not math.isfinite(total):
        raise _Impossible("the sum is not a finite number")
    if isinstance(total, int) and not -MAX_INTEGER <= total <= MAX_INTEGER:
        raise _Impossible("the sum does not fit into 64 bits")
    return total


def _items(before: Raw | None) -> Sequence[Raw]:
    try:
        return [] if before is None else _list.decode(before)
    except msgspec.ValidationError:
        raise _Impossible("what is there is not a list") from None


_members = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.Encoder().encode
