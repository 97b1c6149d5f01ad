"""The gate: decides at once whether a trigger starts now or is mollified. It never raises."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

from mollifier import client, conf, keys, lua, tally, telemetry
from mollifier.decision import (
    Arrival,
    Binding,
    Decision,
    DuplicateSend,
    Existing,
    Full,
    Left,
    Limit,
    Mirrored,
    Mismatch,
    Mode,
    Mollify,
    NoRoom,
    Passed,
    PassThrough,
    Reason,
    Scope,
    ShadowLog,
)
from mollifier.errors import BufferUnavailable

logger = logging.getLogger(__name__)
ADMIT = lua.load("admit")
RELEASE = lua.load("release")
CHUNK_ENTRIES, CHUNK_BYTES = 100, 1024 * 1024
# Who is forced could not be started, so there is nothing to fail open to, and waiting a little is better than refusing.
FORCED_SECONDS = 1.0
# Assumed while nothing was drained yet.
PACE_PER_SECOND = float(tally.PACE_PER_SECOND)
RETRY_AFTER_SECONDS = (1, 60)

breaker = client.Breaker()


def admit(
    arrival: Arrival, *, now_ms: float = 0, force: Reason | None = None, rebind_from: UUID | None = None
) -> Decision:
    """Decide about one trigger in one round trip.

    Args:
        arrival: The trigger, with the id that it keeps whatever is decided.
        now_ms: The clock; 0 is the server's own.
        force: Mollify for this reason, past limits and order; a group's room and caps hold, a binding to the same
            id is ours.
        rebind_from: Take the idempotency key over from this id, if it still has it.
    """
    settings = conf.current()
    at_once = _at_once(arrival, settings, force)
    if at_once is not None:
        return at_once
    decision = _ask([command(arrival, settings, now_ms, force, rebind_from)], settings, force)[0]
    telemetry.gate.decided(arrival, decision)
    return decision


def admit_many(
    arrivals: Sequence[Arrival],
    *,
    now_ms: float = 0,
    force: Reason | None = None,
    rebind_from: UUID | None = None,
) -> list[Decision]:
    """Decide about many triggers, in their order; chunks of 100 or 1 MiB share a round trip and a deadline.

    A chunk that gets no answer passes as FAIL_OPEN: each id may be started, because every later step is idempotent
    on it.
    """
    settings = conf.current()
    decisions: list[Decision | None] = [_at_once(arrival, settings, force) for arrival in arrivals]
    asked = [at for at, decision in enumerate(decisions) if decision is None]
    for chunk in _chunks(arrivals, asked):
        commands = [command(arrivals[at], settings, now_ms, force, rebind_from) for at in chunk]
        for at, decision in zip(chunk, _ask(commands, settings, force), strict=True):
            decisions[at] = decision
            telemetry.gate.decided(arrivals[at], decision)
    return [decision for decision in decisions if decision is not None]


def release(scope: Scope, binding: Binding, id: UUID) -> bool:  # noqa: A002
    """Drop a binding that still names this id, after a start that certainly wrote nothing; False when it may stand."""
    command = RELEASE.command(
        keys.partition_of(scope.org), place=keys.place(scope), bound_as=keys.digest(binding), id=str(id)
    )
    try:
        return bool(client.exchange([command], conf.current().exchange_timeout_ms / 1000)[0] == 1)
    except BufferUnavailable:
        return False


def _at_once(arrival: Arrival, settings: conf.Conf, force: Reason | None) -> PassThrough | None:
    """Answer what needs no Redis."""
    if not settings.divert:
        return PassThrough(Passed.DIVERT_OFF)
    if not arrival.bufferable:
        return PassThrough(Passed.NOT_BUFFERABLE)
    mode = arrival.rollout.effective
    if mode is Mode.OFF or (force is not None and mode is not Mode.ON):
        return PassThrough(Passed.ROLLOUT_OFF)
    return None


def _chunks(arrivals: Sequence[Arrival], asked: Sequence[int]) -> Iterator[list[int]]:
    chunk: list[int] = []
    size = 0
    for at in asked:
        length = len(arrivals[at].snapshot)
        if chunk and (len(chunk) == CHUNK_ENTRIES or size + length > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(at)
        size += length
    if chunk:
        yield chunk


def command(
    arrival: Arrival,
    settings: conf.Conf,
    now_ms: float,
    force: Reason | None = None,
    rebind_from: UUID | None = None,
    partition: int | str | None = None,
) -> lua.Command:
    """Return the call that decides about a trigger, in its org's partition or another one."""
    scope, mode = arrival.scope, arrival.rollout.effective
    binding = arrival.binding if mode is Mode.ON else None
    sent_as = arrival.sent_as if mode is Mode.ON else None
    room = arrival.room if mode is Mode.ON else None
    levels = arrival.rollout.limits.levels
    # In the order of the script's ARGV slots: building a dict here is a third of the client's time.
    return (
        *lua.head(ADMIT, keys.partition_of(scope.org) if partition is None else partition),
        int(now_ms * 1000),
        str(arrival.id),
        scope.org,
        scope.env,
        keys.place(scope),
        mode.value,
        force.value if force else "",
        keys.named(sent_as) if sent_as else "",
        keys.digest(binding) if binding else "",
        binding.fingerprint if binding else "",
        str(rebind_from) if rebind_from else "",
        settings.binding_ttl_seconds * 1000,
        settings.mirror_delay_ms * 1000,
        settings.cap_env_entries,
        settings.cap_env_bytes,
        settings.cap_org_entries,
        settings.cap_org_bytes,
        settings.cap_total_entries,
        settings.cap_total_bytes,
        arrival.snapshot,
        int(arrival.tell_left),
        f"{room.left} {keys.named(room.group)}" if room else "",
        len(levels),
        *(part for reason, limit in levels for part in _level(reason, limit, arrival)),
    )


def _level(reason: Reason, limit: Limit, arrival: Arrival) -> tuple[str | int, ...]:
    member = keys.level(reason, arrival.scope, arrival.definition)
    return reason.value, member, limit.count, limit.window_ms * 1000, limit.hold_ms * 1000


def _ask(commands: list[lua.Command], settings: conf.Conf, force: Reason | None) -> list[Decision]:
    if not breaker.allows(settings.breaker_open_ms / 1000):
        return _fail_open(len(commands))
    riders = telemetry.gate.take()
    commands[0] = (*commands[0], *riders)
    seconds = settings.admit_seconds if force is None else max(settings.admit_seconds, FORCED_SECONDS)
    began = monotonic()
    try:
        replies = client.exchange(commands, seconds, settings.replicas_awaited)
    except BufferUnavailable as error:
        breaker.failed(settings.breaker_errors)
        telemetry.gate.give_back(riders)
        logger.warning("mollifier.gate_failed_open", extra={"count": len(commands), "error": str(error)})
        return _fail_open(len(commands))
    finally:
        telemetry.gate.took(monotonic() - began, len(commands))
    breaker.succeeded()
    if isinstance(replies[0], client.REFUSALS):
        telemetry.gate.give_back(riders)
    return [_decision(reply) for reply in replies]


def _fail_open(count: int) -> list[Decision]:
    telemetry.gate.failed_open(count)
    return [PassThrough(Passed.FAIL_OPEN)] * count


def _decision(reply: Any) -> Decision:
    """Make a value of the script's reply; what Redis refused (it is full, or read only) passes."""
    if isinstance(reply, Exception):
        logger.error("mollifier.gate_refused", extra={"error": str(reply)})
        return _fail_open(1)[0]
    return DECODERS[reply[0]](reply)


def _passed(reply: Sequence[Any]) -> PassThrough:
    return PassThrough(Passed.ROOM, Left(int(reply[2]), math.ceil(reply[3] / 1000)) if len(reply) > 2 else None)


def _mollified(reply: Sequence[Any]) -> Mollify:
    _, reason, count, limit, position, depth, orgs, rate, wake, trips = reply
    # Orgs share the drainer, so its turn comes at latest when all is drained, and sooner when few orgs wait.
    ahead = min(int(depth), int(position) * max(1, int(orgs)))
    return Mollify(
        reason=Reason(reason.decode()),
        count=int(count),
        limit=int(limit),
        position=int(position),
        eta_seconds=round(ahead / max(float(rate), PACE_PER_SECOND), 3),
        wake=bool(wake),
        trips=int(trips),
    )


def _retry_after(depth: int, rate: float) -> int:
    """Return the seconds until a tenth of what is full is drained."""
    least, most = RETRY_AFTER_SECONDS
    return max(least, min(most, math.ceil(depth / 10 / max(rate, PACE_PER_SECOND))))


DECODERS: dict[bytes, Callable[[Sequence[Any]], Decision]] = {
    b"passed": _passed,
    b"shadowed": lambda reply: ShadowLog(Reason(reply[1].decode()), int(reply[2]), int(reply[3]), int(reply[4])),
    b"mirrored": lambda reply: Mirrored(
        Reason(reply[1].decode()), int(reply[2]), int(reply[3]), bool(reply[4]), int(reply[5])
    ),
    b"accepted": _mollified,
    b"duplicate_send": lambda reply: DuplicateSend(UUID(reply[2].decode()), reply[1] == b"accepted"),
    b"existing": lambda reply: Existing(UUID(reply[1].decode()), int(reply[2])),
    b"mismatch": lambda reply: Mismatch(UUID(reply[1].decode())),
    b"no_room": lambda reply: NoRoom(int(reply[1])),
    b"full": lambda reply: Full(reply[1].decode(), _retry_after(int(reply[2]), float(reply[3]))),
}
