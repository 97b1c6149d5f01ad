"""Values of the gate: what it is asked, and what it answers."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

SCOPE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Mode(StrEnum):
    """How far an org is enrolled."""

    OFF = "off"
    SHADOW = "shadow"
    MIRROR = "mirror"
    ON = "on"


class Reason(StrEnum):
    """Why a trigger is mollified: the first level that is full or held, or what else stands in its way."""

    GLOBAL_RATE = "global_rate"
    ORG_RATE = "org_rate"
    ENV_RATE = "env_rate"
    DEFINITION_RATE = "definition_rate"
    BACKLOG = "backlog"
    DATABASE_UNAVAILABLE = "database_unavailable"


class Passed(StrEnum):
    """Why a trigger starts directly."""

    DIVERT_OFF = "divert_off"
    NOT_BUFFERABLE = "not_bufferable"
    ROLLOUT_OFF = "rollout_off"
    ROOM = "room"
    FAIL_OPEN = "fail_open"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose work it is: two opaque ids that may stand in a Redis key as they are.

    Raises:
        ValueError: an id holds other characters than letters, digits, ``_`` and ``-``.
    """

    org: str
    env: str

    def __post_init__(self) -> None:
        for part in (self.org, self.env):
            if not SCOPE_ID.fullmatch(part):
                raise ValueError(f"{part!r} can't be part of a scope: 1 to 64 of A-Z a-z 0-9 _ -")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` passes in any `window_ms`; a trip holds for `hold_ms`. A count of 0 means no limit."""

    count: int
    window_ms: int
    hold_ms: int


NO_LIMIT = Limit(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Limits:
    """A limit a level: of each environment, of its org, of everybody, of the definition within the environment.

    A trigger passes when all of them have room, and then it counts for all of them.
    """

    env: Limit = NO_LIMIT
    org: Limit = NO_LIMIT
    everybody: Limit = NO_LIMIT
    definition: Limit = NO_LIMIT
    levels: tuple[tuple[Reason, Limit], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        levels = (
            (Reason.GLOBAL_RATE, self.everybody),
            (Reason.ORG_RATE, self.org),
            (Reason.ENV_RATE, self.env),
            (Reason.DEFINITION_RATE, self.definition),
        )
        object.__setattr__(self, "levels", tuple(level for level in levels if level[1].count > 0))


@dataclass(frozen=True, slots=True)
class Rollout:
    """What the gate must know of an org's flags; `enrolled` says whether `percent` takes this env in."""

    mode: Mode
    enrolled: bool
    limits: Limits

    @property
    def effective(self) -> Mode:
        return self.mode if self.enrolled else Mode.OFF


@dataclass(frozen=True, slots=True)
class Binding:
    """An idempotency key of one definition, with the fingerprint of the body that was sent under it."""

    definition: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Room:
    """How many more of a group there may be, started or buffered; the group is an opaque text within its scope.

    `left` is the limit less what the caller counted as started; the gate adds what is buffered, so however many ask at
    once, no more than `left` are ever buffered. What passes is the caller's to count, one at a time. An entry that
    becomes a row between the two counts is in neither: a limit is held if buffer.group_size is read first, then the
    rows are counted, and the gate is asked only while both together are below it.
    """

    group: str
    left: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """One trigger at the gate.

    The id is made by the caller, the snapshot is opaque bytes, and `definition` is whose limit counts it.
    `sent_as` names the request that brought it and its body: the same again within ten minutes is a duplicate send.
    `tell_left` asks what is left of the environment's limit, which costs a little.
    `room` is looked at while the org is on: what is off, shadow or mirror refuses nothing and keeps no group.
    """

    id: UUID
    scope: Scope
    rollout: Rollout
    snapshot: bytes
    definition: str = ""
    binding: Binding | None = None
    sent_as: str | None = None
    bufferable: bool = True
    tell_left: bool = False
    room: Room | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """How many more of the environment may pass at this moment, and when one more may."""

    passes: int
    free_in_ms: int


@dataclass(frozen=True, slots=True)
class PassThrough:
    """Start it now. `left` is told of one that asked, and had room under its environment's limit."""

    why: Passed
    left: Left | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ShadowLog:
    """Start it now; an org that is `on` would have had it mollified, for this reason.

    `trips` levels tripped that were not, here and in the two below.
    """

    reason: Reason
    count: int
    limit: int
    trips: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Mirrored:
    """Start it now; a copy is kept to be compared with its row. `wake` asks the caller to enqueue the drain task."""

    reason: Reason
    count: int
    limit: int
    wake: bool
    trips: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Mollify:
    """It is buffered. `position` counts from 1 within its env; `wake` asks the caller to enqueue the drain task."""

    reason: Reason
    count: int
    limit: int
    position: int
    eta_seconds: float
    wake: bool
    trips: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class DuplicateSend:
    """This very request came before: it was `accepted`, or else passed, under this id."""

    id: UUID
    accepted: bool


@dataclass(frozen=True, slots=True)
class Existing:
    """The idempotency key is bound to this id since `bound_for_ms`; the fingerprints agree."""

    id: UUID
    bound_for_ms: int


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The idempotency key is bound to this id with another fingerprint."""

    id: UUID


@dataclass(frozen=True, slots=True)
class NoRoom:
    """Its group has no room left: so many of it are buffered already; nothing is written."""

    buffered: int


@dataclass(frozen=True, slots=True)
class Full:
    """A cap is reached; nothing is written. `level` is env, org or total."""

    level: str
    retry_after_seconds: int


Decision = PassThrough | ShadowLog | Mirrored | Mollify | DuplicateSend | Existing | Mismatch | NoRoom | Full
