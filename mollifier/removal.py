"""Take entries out of the buffer without a drainer, and say which ids are in it.

Every function raises BufferUnavailable when Redis can't be reached; each may then be called again.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from uuid import UUID

from mollifier import client, conf, keys, lua
from mollifier.decision import Scope

REMOVE = lua.load("remove")
# What one script removes at most, so that none blocks Redis for long.
AT_ONCE = 200
ASKED_AT_ONCE = 1_000


class Removal(StrEnum):
    """The buffer's answer for one entry."""

    REMOVED = "removed"
    LEASED = "leased"
    CHANGED = "changed"
    NOT_FOUND = "not_found"


def remove(scope: Scope, seen: Sequence[tuple[UUID, int]], *, free_keys: bool) -> list[Removal]:
    """Remove entries of one environment, each with the patch version it was read at; answers in their order.

    One that a drainer has leased, or that was changed since it was read, stays. With `free_keys` what was removed might
    never have been; without, its keys stay bound for as long as those of a settled entry: its row answers for it.
    """
    partition, ttl_ms = keys.partition_of(scope.org), conf.current().binding_ttl_seconds * 1000
    answers: list[Removal] = []
    for at in range(0, len(seen), AT_ONCE):
        pairs = [part for id_, version in seen[at : at + AT_ONCE] for part in (str(id_), version)]
        script = REMOVE.command(
            partition, place=keys.place(scope), freed=int(free_keys), binding_ttl_ms=ttl_ms, tail=pairs
        )
        answers += [Removal(word.decode()) for word in client.call(script)]
    return answers


def present(ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the ids that are buffered, in any state."""
    return {id_ for part in _in_parts(ids) for id_ in _present(part)}


def _present(ids: Sequence[UUID]) -> Sequence[UUID]:
    names = [keys.key("entry") + str(id_) for id_ in ids]
    if not client.call(("EXISTS", *names)):
        return ()
    found = client.call_all([("EXISTS", name) for name in names])
    return [id_ for id_, there in zip(ids, found, strict=True) if there]


def _in_parts(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (ids[at : at + ASKED_AT_ONCE] for at in range(0, len(ids), ASKED_AT_ONCE))
