"""Where an instance stands among those that started one another. Pure.

It is carried by events, children, hooks and HTTP, so that a chain can be told from a storm and stopped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

# Headers of HTTP requests that an instance makes, and of those that this service is sent.
ROOT, PARENT, DEPTH, CHAIN = "Mollifier-Root", "Mollifier-Parent", "Mollifier-Depth", "Mollifier-Chain"
MAX_DEPTH_SENT = 1_000
MAX_CHAIN = 64
MAX_SLUG = 100


class Loop(StrEnum):
    """What is done about a definition that would be started by what it caused itself."""

    IGNORE = "ignore"
    AVOID_LOOP = "avoid_loop"
    ALLOW_ALL = "allow_all"


@dataclass(frozen=True, slots=True)
class Lineage:
    """The place of one instance. `chain` are the definitions from the root's to its own."""

    instance_id: UUID
    root_id: UUID
    parent_id: UUID | None = None
    depth: int = 0
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TooDeep:
    """There would be more generations than the limit allows."""

    depth: int
    limit: int


@dataclass(frozen=True, slots=True)
class Looping:
    """The definition is on its own chain already."""

    chain: tuple[str, ...]


def root(instance_id: UUID, definition: str) -> Lineage:
    """Return the place of an instance that nothing caused."""
    return Lineage(instance_id, instance_id, chain=(definition,))


def child_of(parent: Lineage, instance_id: UUID, definition: str, limit: int) -> Lineage | TooDeep:
    """Return the place of what `parent` starts, unless that is deeper than `limit`."""
    depth = parent.depth + 1
    if depth > limit:
        return TooDeep(depth, limit)
    return Lineage(instance_id, parent.root_id, parent.instance_id, depth, (*parent.chain, definition))


def place(
    parent: Lineage | None, instance_id: UUID, definition: str, *, limit: int, loop: Loop = Loop.ALLOW_ALL
) -> Lineage | TooDeep | Looping:
    """Return the place of a new instance, where the depth limit and the loop policy allow it one."""
    if parent is None:
        return root(instance_id, definition)
    if loop is not Loop.ALLOW_ALL and is_looping(parent, definition):
        return Looping((*parent.chain, definition))
    return child_of(parent, instance_id, definition, limit)


def is_looping(parent: Lineage, definition: str) -> bool:
    """Tell whether the definition is on the chain that would start it."""
    return definition in parent.chain


def to_headers(lineage: Lineage) -> dict[str, str]:
    """Return what a request made by this instance says of it."""
    headers = {ROOT: str(lineage.root_id), PARENT: str(lineage.instance_id), DEPTH: str(lineage.depth)}
    return {**headers, CHAIN: ",".join(lineage.chain[-MAX_CHAIN:])} if lineage.chain else headers


def from_headers(headers: Mapping[str, str]) -> Lineage | None:
    """Return the instance that made a request, or None where nothing readable is said of one."""
    try:
        parent = UUID(headers[PARENT])
        sent_root, depth = headers.get(ROOT), int(headers.get(DEPTH, "0"))
        root_id = UUID(sent_root) if sent_root else parent
    except (KeyError, ValueError):
        return None
    chain = _read_chain(headers.get(CHAIN, ""))
    if not 0 <= depth <= MAX_DEPTH_SENT:
        return None
    return Lineage(parent, root_id, None, max(depth, len(chain) - 1), chain)


def _read_chain(text: str) -> tuple[str, ...]:
    chain: Sequence[str] = [part.strip() for part in text.split(",") if part.strip()]
    return tuple(part[:MAX_SLUG] for part in chain[-MAX_CHAIN:])
