"""The phases of a cascade: other orgs alone, beside events that start nothing, beside the storm, and what stops it."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from bench.chaos import findings, sampler, stage
from bench.chaos.findings import Loaded
from bench.chaos.stack import Stack
from workflows.audit import Actor
from workflows.intake import bindings, damper
from workflows.models import Environment, Instance, Outbox, Storm

FED, PING, ENDED = "chaos.fed", "chaos.ping", "workflow.instance_terminal"
# A workflow that emits what starts it, and two of which each starts when the other ends.
LOOPS = (
    (FED, "chaos-feed", ""),
    (PING, "chaos-ping", ""),
    (ENDED, "chaos-pong", 'payload.definition == "chaos-ping"'),
    (ENDED, "chaos-ping", 'payload.definition == "chaos-pong"'),
)
UNBOUND = ("chaos.unheard",)
START_SECONDS, PATIENCE_SECONDS, POLL_SECONDS = 0.5, 90.0, 0.1
# How long it may take until every process has a changed binding.
SPREAD_SECONDS = 2.0
# The control ends when so many rows were made; what is on its way then still comes.
CONTROL_ROWS = 3_000
ACTOR, WHY = Actor("bench"), "For this run"
# What other orgs send a second, all together.
STEADY_RATE = 40.0


@dataclass
class Emitted:
    """What the emitting processes were told, together."""

    events: int = 0
    latest_seconds: float = 0.0
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    refused_at: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def add(self, told: dict[str, Any]) -> None:
        self.events += told["emitted"]
        self.latest_seconds = max(self.latest_seconds, told["latest_seconds"])
        self.errors += told["errors"]
        for group, words in told["outcomes"].items():
            self.outcomes.setdefault(group, Counter()).update(words)
        for group, at in told["refused_at"].items():
            self.refused_at[group] = min(at, self.refused_at.get(group, at))

    def count(self, *words: str) -> int:
        return sum(words_of[word] for words_of in self.outcomes.values() for word in words)


@dataclass
class Outcome:
    """One phase: what was emitted, what the sampler saw, and how it ended."""

    env_id: UUID
    emitted: Emitted
    seen: dict[str, Any]
    calm: bool
    calm_seconds: float
    closed_seconds: float
    others: Loaded = field(default_factory=Loaded)


@dataclass(frozen=True)
class Play:
    """A cascade of so many events a second, for so long, held to a limit."""

    stack: Stack
    rate: float
    seconds: float
    limit: int

    def alone(self, seconds: float, name: str) -> Loaded:
        """Load as other orgs do, with nothing beside."""
        return self._others(time.time() + START_SECONDS, seconds, name)()

    def beside_unheard(self, seconds: float) -> tuple[Loaded, Emitted]:
        """Load beside as many events that nothing is bound to: what sending them costs a shared machine."""
        env = self._env("unheard")
        at = time.time() + START_SECONDS
        self._emit(env, at, seconds, UNBOUND)
        others = self._others(at, seconds, "unheard")
        return others(), self._emitted(seconds)

    def storm(self) -> Outcome:
        """Let both loops go on while others load; switch the bindings off then, since nothing else ends such loops."""
        env = self._env("storm")
        bound = bind(env, "allow_all", self.limit)
        self._watch(env)
        at = time.time() + START_SECONDS
        self._emit(env, at, self.seconds, (FED, PING))
        others = self._others(at, self.seconds, "storm")
        emitted, load = self._emitted(self.seconds), others()
        switch_off(bound)
        return self._ended(env, emitted, load)

    def avoided(self, seconds: float) -> Outcome:
        """Send the same into bindings that avoid loops, undamped; nothing but their policy ends it."""
        env = self._env("avoided")
        bind(env, "avoid_loop", 0)
        self._watch(env)
        self._emit(env, time.time() + START_SECONDS, seconds, (FED, PING))
        return self._ended(env, self._emitted(seconds), Loaded())

    def undamped(self, seconds: float) -> Outcome:
        """Send the same without a damper, until so many rows are made."""
        env = self._env("undamped")
        bound = bind(env, "allow_all", 0)
        self._watch(env)
        at = time.time() + START_SECONDS
        self._emit(env, at, seconds, (FED, PING))
        others = self._others(at, seconds, "undamped")
        made = Instance.objects.filter(env=env)
        until(lambda: made.count() >= CONTROL_ROWS, START_SECONDS + seconds)
        switch_off(bound)
        return self._ended(env, self._emitted(seconds), others())

    def _env(self, name: str) -> Environment:
        return Environment.objects.create(org=self.stack.storming.org, slug=name)

    def _watch(self, env: Environment) -> None:
        time.sleep(SPREAD_SECONDS)
        self.stack.sampler.ask("begin", org=str(env.org_id), env=str(env.id), limit=self.limit)

    def _emit(self, env: Environment, at: float, seconds: float, types: Sequence[str]) -> None:
        peers = self.stack.emitters
        for number, peer in enumerate(peers):
            given = {"env": str(env.id), "at": at, "seconds": seconds, "types": list(types)}
            peer.send("emit", rate=self.rate / len(peers), name=f"{env.slug}-{number}", **given)

    def _emitted(self, seconds: float) -> Emitted:
        emitted = Emitted()
        for peer in self.stack.emitters:
            emitted.add(peer.read(seconds + PATIENCE_SECONDS)["value"])
        return emitted

    def _others(self, at: float, seconds: float, name: str) -> Callable[[], Loaded]:
        """Have other orgs load; return what waits for the end of it and tells what came of it."""
        peer = self.stack.bystander
        given = {"url": self.stack.url, "keys": self.stack.keys, "name": f"cascade-{name}"}
        peer.send("load", at=at, rate=STEADY_RATE, seconds=seconds, **given)

        def told() -> Loaded:
            answer = peer.read(seconds + PATIENCE_SECONDS)["value"]
            stage.await_all([UUID(id_) for id_ in answer["accepted"]], PATIENCE_SECONDS)
            return findings.loaded(answer)

        return told

    def _ended(self, env: Environment, emitted: Emitted, others: Loaded) -> Outcome:
        """Wait until nothing lives, then have the sweep close storms, as it does each minute."""
        began = time.monotonic()
        calm = until(lambda: is_calm(env), PATIENCE_SECONDS)
        calm_seconds = time.monotonic() - began
        seen = self.stack.sampler.ask("end")
        until(lambda: swept(env), PATIENCE_SECONDS)
        closed = time.monotonic() - began - calm_seconds
        return Outcome(env.id, emitted, seen, calm, round(calm_seconds, 2), round(closed, 2), others)


def bind(env: Environment, loop_policy: str, limit: int) -> list[UUID]:
    """Bind both loops in an environment; return the bindings' ids."""
    return [
        bindings.create(
            actor=ACTOR,
            reason=WHY,
            org_id=env.org_id,
            env_id=env.id,
            pattern=pattern,
            definition=definition,
            condition=condition,
            loop_policy=loop_policy,
            limit=limit,
        ).bound.id
        for pattern, definition, condition in LOOPS
    ]


def switch_off(bound: Sequence[UUID]) -> None:
    for id_ in bound:
        bindings.change(id_, actor=ACTOR, reason=WHY, enabled=False)


def is_calm(env: Environment) -> bool:
    """Tell whether nothing lives and nothing is on its way that could start more."""
    if sampler.buffered(UUID(str(env.org_id)), env.id) or Outbox.objects.filter(env_id=env.id).exists():
        return False
    return not Instance.objects.filter(env=env, finished_at=None).exists()


def swept(env: Environment) -> bool:
    """Sweep as the schedule does; tell whether no storm is open."""
    damper.sweep()
    return not Storm.objects.filter(env=env, closed_at=None).exists()


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look until it holds or the time is up; tell whether it holds."""
    deadline = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return held
