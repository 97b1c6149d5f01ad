"""What would become of recorded arrivals under other settings: the real scripts, by a clock of their own.

Each recorded trigger goes through admit.lua with its own time, as if its org were on; what that keeps is claimed and
settled by the drainer's scripts, in ticks of TICK_MS, paced by the drain rate. Nothing is written but in the sandbox.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

from mollifier import buffer, conf, course, fairness, gate, keys, lua
from mollifier.decision import Arrival, Full, Limits, Mode, Mollify, Reason, Rollout, Scope
from mollifier.errors import SimulationTooShort
from mollifier.sandbox import PARTITION, Sandbox
from mollifier.tally import Second

SNAPSHOT = b""
TICK_MS = 100
CALLED_AT_ONCE = 250
# After the last arrival the queue is drained for so long at most, and a rival always has so much more to do.
DRAIN_SECONDS = 3_600
RIVAL = "rival"
LEASE_MS = 60_000
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under what settings: the limits of each environment, the org's weight, what all orgs drain in a second.

    `rivals` orgs of weight 1 always have work too; without any, the weight changes nothing. Triggers of a second are
    spread evenly over its first `spread_ms`, since no more than the second is recorded.
    """

    limits: Limits
    drain_rate: int
    weight: float = 1.0
    rivals: int = 0
    spread_ms: int = 1_000


def run(org: str, recorded: Sequence[Second], terms: Terms, progress: Progress | None = None) -> course.Result:
    """Replay what was recorded of an org; `progress` hears how many triggers are through, and of how many.

    Raises:
        ValueError: nothing was recorded.
        SimulationTooShort: SIMULATION_SECONDS left no time for it.
        SandboxBusy: another simulation is under way.
        BufferUnavailable: Redis can't be reached, or is full.
    """
    if not recorded:
        raise ValueError("nothing was recorded")
    settings = conf.current()
    taken = list(_within(recorded, settings.simulation_triggers))
    with Sandbox() as sandbox:
        replay = _Replay(org, terms, sandbox, {each.env for each in taken}, settings)
        try:
            stopped = replay.all_of(taken, monotonic() + settings.simulation_seconds, progress)
        finally:
            replay.delete(taken)
    if not replay.course.arrived:
        raise SimulationTooShort("SIMULATION_SECONDS left no time for a single trigger; raise it")
    asked = sum(each.arrived for each in recorded)
    cut = "triggers" if sum(each.arrived for each in taken) < asked else ""
    return course.result(replay.course, asked, stopped or cut)


def _within(recorded: Sequence[Second], most: int) -> Iterator[Second]:
    """Yield the seconds until the next would be one trigger too many; the first is cut to that."""
    left = most
    for at, each in enumerate(recorded):
        if each.arrived > left:
            if not at:
                yield Second(each.at, each.env, most, min(each.over, most))
            return
        yield each
        left -= each.arrived


class _Replay:
    def __init__(self, org: str, terms: Terms, sandbox: Sandbox, envs: set[str], settings: conf.Conf) -> None:
        self.course, self._idle, self._theirs = course.Course(), True, [0] * terms.rivals
        self._terms, self._sandbox, self._settings = terms, sandbox, settings
        self._org, self._scopes = org, {env: Scope(org, env) for env in envs}
        self._rivals = [Scope(f"{RIVAL}-{number}", RIVAL) for number in range(terms.rivals)]
        self._rollout = Rollout(Mode.ON, enrolled=True, limits=terms.limits)

    def all_of(self, recorded: Sequence[Second], deadline: float, progress: Progress | None) -> str:
        """Run through it, and until the queue is empty; return which cap ended it early, if any."""
        self._deadline = deadline
        so_far, total = self.course, sum(each.arrived for each in recorded)
        share = fairness.Share(self._terms.weight)
        self._sandbox.call([fairness.command(self._org, share, PARTITION)])
        pending = self._arrivals(recorded)
        head = next(pending, None)
        end = (recorded[-1].at + 1) * 1000 + DRAIN_SECONDS * 1000
        now = recorded[0].at * 1000
        while head is not None or so_far.waiting:
            if monotonic() >= deadline:
                return "seconds"
            if now >= end:
                return "drain"
            if head is not None and not so_far.waiting:
                # Nothing waits, so nothing happens before the next one comes.
                now = max(now, int(head[0] // TICK_MS) * TICK_MS)
            now += TICK_MS
            batch: list[tuple[float, Scope]] = []
            while head is not None and head[0] < now:
                batch.append(head)
                head = next(pending, None)
            self._admit(batch)
            if so_far.waiting:
                self._drain(now)
            self._note(now)
            if progress:
                progress(so_far.counts["triggers"], total)
        return ""

    def _arrivals(self, recorded: Sequence[Second]) -> Iterator[tuple[float, Scope]]:
        """Yield the time of each trigger and whose it is, in order; environments of a second are interleaved."""
        at = 0
        while at < len(recorded):
            end = at
            while end < len(recorded) and recorded[end].at == recorded[at].at:
                end += 1
            moments = [
                (each.at * 1000 + (number + 0.5) / each.arrived * self._terms.spread_ms, self._scopes[each.env])
                for each in recorded[at:end]
                for number in range(each.arrived)
            ]
            yield from sorted(moments, key=lambda moment: moment[0])
            at = end

    def _admit(self, batch: Sequence[tuple[float, Scope]]) -> None:
        for at in range(0, len(batch), CALLED_AT_ONCE):
            part = batch[at : at + CALLED_AT_ONCE]
            ids = [self._next_id() for _ in part]
            replies = self._sandbox.call(
                [self._admission(id_, scope, now_ms) for id_, (now_ms, scope) in zip(ids, part, strict=True)]
            )
            for id_, (now_ms, _), reply in zip(ids, part, replies, strict=True):
                self._count(id_, now_ms, gate.DECODERS[reply[0]](reply))

    def _admission(self, id_: UUID, scope: Scope, now_ms: float, *, forced: bool = False) -> lua.Command:
        arrival = Arrival(id_, scope, self._rollout, SNAPSHOT)
        force = Reason.DATABASE_UNAVAILABLE if forced else None
        return gate.command(arrival, self._settings, now_ms, force, partition=PARTITION)

    def _count(self, id_: UUID, now_ms: float, decision: object) -> None:
        so_far, second = self.course, int(now_ms // 1000)
        so_far.counts["triggers"] += 1
        so_far.arrived[second] += 1
        match decision:
            case Mollify(reason=reason, trips=trips):
                so_far.counts["buffered"] += 1
                so_far.counts["trips"] += trips
                so_far.reasons[reason.value] += 1
                so_far.buffered[second] += 1
                so_far.waiting[str(id_).encode()] = now_ms
            case Full():
                so_far.counts["refused"] += 1
            case _:
                so_far.counts["passed"] += 1

    def _next_id(self) -> UUID:
        self.course.made += 1
        return UUID(int=self.course.made)

    def _drain(self, now: int) -> None:
        """Claim and settle what this tick allows."""
        so_far, rate = self.course, self._terms.drain_rate
        size = min(self._settings.claim_entries, buffer.MOST_AT_ONCE)
        if self._idle and self._rivals:
            # What nobody claimed for us while nothing of ours waited, the rivals did.
            self._sandbox.call([("HSET", keys.key("bucket", PARTITION), "n", 0, "at", (now - TICK_MS) * 1000)])
        self._idle = False
        for _ in range(math.ceil(rate / size) + 1):
            self._keep_rivals_busy(now, min(size, rate))
            so_far.claims += 1
            names = self._claim(f"claim-{so_far.claims}", size, now)
            for name in names:
                if name in so_far.theirs:
                    self._theirs[so_far.theirs.pop(name)] -= 1
                else:
                    so_far.waits.append(now - so_far.waiting.pop(name))
                    so_far.drained[(now - 1) // 1000] += 1
            if not names or not so_far.waiting or monotonic() >= self._deadline:
                break
        self._idle = not so_far.waiting

    def _claim(self, token: str, size: int, now: int) -> list[bytes]:
        rate = self._terms.drain_rate
        given: dict[str, Any] = {"now": now * 1000, "token": token}
        most, room = self._settings.env_in_flight, self._settings.claim_bytes
        claim: dict[str, Any] = {"limit": size, "bytes": room, "most": most, "ordered": 0, "only": ""}
        replies = self._sandbox.call(
            [
                buffer.PACE.command(PARTITION, now=now * 1000, rate=rate, burst=rate),
                buffer.PROMOTE.command(PARTITION, now=now * 1000, at_most=size),
                buffer.CLAIM.command(PARTITION, lease_for=LEASE_MS * 1000, paced=1, **claim, **given),
            ]
        )
        names: list[bytes] = replies[-1][0]
        if names:
            tail = [part for name in names for part in (name, 0)]
            self._sandbox.call([buffer.SETTLE.command(PARTITION, binding_ttl_ms=0, tail=tail, **given)])
        return names

    def _keep_rivals_busy(self, now: int, enough: int) -> None:
        """Give each rival as much as one claim could take of it."""
        commands: list[lua.Command] = []
        for number, scope in enumerate(self._rivals):
            while self._theirs[number] < enough:
                id_ = self._next_id()
                commands.append(self._admission(id_, scope, now, forced=True))
                self.course.theirs[str(id_).encode()] = number
                self._theirs[number] += 1
        for at in range(0, len(commands), CALLED_AT_ONCE):
            self._sandbox.call(commands[at : at + CALLED_AT_ONCE])

    def _note(self, now: int) -> None:
        so_far, second = self.course, (now - 1) // 1000
        so_far.depth[second] = max(so_far.depth.get(second, 0), len(so_far.waiting))
        # Those that came first stand first.
        oldest = now - next(iter(so_far.waiting.values()), now)
        so_far.age[second] = max(so_far.age.get(second, 0.0), oldest)

    def delete(self, recorded: Sequence[Second]) -> None:
        """Delete every key that this replay may have left."""
        places = [keys.place(scope) for scope in (*self._scopes.values(), *self._rivals)]
        orgs = [self._org, *(scope.org for scope in self._rivals)]
        last = max((*self.course.depth, recorded[-1].at))
        members: dict[str, Sequence[str]] = {
            "": [""],
            "org": orgs,
            "place": places,
            "level": ["*", *orgs, *places],
            "minute": [f"{minute}" for minute in range(recorded[0].at // 60, last // 60 + 1)],
            "token": [f"claim-{self.course.claims}"],
            "id": [name.decode() for name in (*self.course.waiting, *self.course.theirs)],
        }
        self._sandbox.delete(
            keys.key(family.name, PARTITION) + member for family in keys.TABLE for member in members.get(family.per, ())
        )
