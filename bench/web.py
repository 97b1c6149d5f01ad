"""B6: triggers over HTTP, against an empty DRF view in the same processes of the same server.

Nobody drains, so what is mollified meets a backlog that grows; what passes has room in the gate and is a committed row.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from bench import drain, ports, result, spent, triggers
from bench.chaos import stack
from bench.empty.urls import ADDRESS
from bench.result import Result, Samples, Target
from bench.rounds import Clock
from workflows.intake import rollout
from workflows.intake.rollout import Actor
from workflows.load import service, tenants, wire
from workflows.load.client import Answered, Client, Limits
from workflows.load.plan import Sending
from workflows.load.wire import Answer

ROUNDS, CONNECTIONS, BATCH = 15, 16, 100
READY_SECONDS = 30.0
WARM = 64
MICROSECONDS = 1_000_000
EMPTY = "empty"
# One gate is always tripped, the other one never.
SLUGS = {"mollified": 1, "passed": 1_000_000}
TRIGGER = b'{"definition":"noop","payload":%b}' % triggers.PAYLOAD
TRIGGERS = b'{"triggers":[%b]}' % b",".join([TRIGGER] * BATCH)


class Summary(msgspec.Struct):
    """How the triggers of a batch ended."""

    started: int
    buffered: int


class BatchAnswer(msgspec.Struct):
    """The part of an answer that is looked at."""

    summary: Summary


@dataclass(frozen=True)
class Kind:
    """One request that is sent again and again. `slug` names whose key it carries; each carries `triggers`."""

    name: str
    what: str
    slug: str
    path: str
    body: bytes
    requests: int
    status: int
    triggers: int = 1
    target: Target | None = None

    def is_met_by(self, answer: Answer) -> bool:
        """Tell whether this is what was to be measured."""
        if answer.status != self.status or self.triggers == 1:
            return answer.status == self.status
        found = msgspec.json.decode(answer.body, type=BatchAnswer).summary
        return (found.buffered if self.slug == "mollified" else found.started) == self.triggers


ONE, MANY = "/api/v1/triggers", "/api/v1/triggers/batch"
KINDS = (
    Kind("mollified", "mollified, one a request", "mollified", ONE, TRIGGER, 2_000, 202, target=Target(0.6)),
    Kind("passed", "passed, one a request: the row is committed", "passed", ONE, TRIGGER, 800, 201),
    Kind("batch", f"mollified by {BATCH}", "mollified", MANY, TRIGGERS, 150, 200, BATCH, Target(15)),
    Kind("batch_passed", f"passed by {BATCH}", "passed", MANY, TRIGGERS, 50, 200, BATCH),
)
NOTHING = Kind(EMPTY, "an empty DRF view", "mollified", ADDRESS, TRIGGER, 3_000, 200)


@dataclass(frozen=True)
class Load:
    """How fast so many were answered, and what the server's processes spent on each."""

    rate: float
    spent_us: float


class Repeater(Client):
    """Sends one request as often as it is asked to, as soon as a connection is free."""

    request = b""

    def request_of(self, _sending: Sending) -> bytes:
        return self.request


@dataclass(frozen=True)
class Site:
    """A web server of ours that has the empty view, the processes of it, and keys for it."""

    target: wire.Target
    pids: tuple[int, ...]
    secrets: Mapping[str, str]

    def load(self, kind: Kind) -> Load:
        """Empty the stores, see to it that the gate is where it is to be, and measure."""
        drain.empty()
        asyncio.run(self.send(kind, WARM // kind.triggers + 1))
        began, before = time.perf_counter(), spent.seconds(self.pids)
        answers = asyncio.run(self.send(kind, kind.requests))
        seconds, took = time.perf_counter() - began, spent.seconds(self.pids) - before
        check(kind, answers)
        return Load(kind.requests * kind.triggers / seconds, took / kind.requests / kind.triggers * MICROSECONDS)

    async def send(self, kind: Kind, count: int) -> list[Answer]:
        answers: list[Answer] = []

        def keep(answered: Answered) -> None:
            assert answered.answer is not None, "a request was not answered"
            answers.append(answered.answer)

        client = Repeater(self.target, {}, keep, Limits(CONNECTIONS))
        client.request = self.target.request("POST", kind.path, self.secrets[kind.slug], kind.body)
        await client.run(Sending(0.0, kind.name, ()) for _ in range(count))
        return answers


def check(kind: Kind, answers: Sequence[Answer]) -> None:
    """Refuse a measurement of anything else than the kind."""
    others = [answer for answer in answers if not kind.is_met_by(answer)]
    assert not others, f"{len(others)} of {len(answers)} were not {kind.name}: {others[0].status}"


@dataclass
class Found:
    """What each kind came to, a load a round."""

    loads: dict[str, list[Load]] = field(default_factory=dict)

    def add(self, kind: Kind, load: Load) -> None:
        self.loads.setdefault(kind.name, []).append(load)

    def rates(self, kind: Kind) -> Samples:
        return Samples(self._of(kind.name, "rate"), self._of(EMPTY, "rate"))

    def spent(self, kind: Kind) -> Samples:
        return Samples(self._of(kind.name, "spent_us"), self._of(EMPTY, "spent_us"))

    def _of(self, name: str, figure: str) -> tuple[float, ...]:
        return tuple(getattr(load, figure) for load in self.loads[name])


def against_empty(clock: Clock) -> list[Result]:
    """B6: each kind of post once a round, and the empty view; the order is turned."""
    found = Found()
    entered = {slug: tenant(slug, limit) for slug, limit in SLUGS.items()}
    with stack.served(DJANGO_SETTINGS_MODULE="bench.empty.settings") as (url, pid):
        target = wire.Target.parse(url)
        service.await_keys(target, entered.values(), READY_SECONDS)
        site = Site(target, tuple(ports.below(pid)), entered)
        for number in clock.rounds(ROUNDS):
            kinds = (NOTHING, *KINDS)
            for kind in kinds if number % 2 == 0 else reversed(kinds):
                found.add(kind, site.load(kind))
    return [shown for kind in KINDS for shown in results(kind, found)]


def tenant(slug: str, limit: int) -> str:
    """Make an org whose gate has this limit; return a key of it."""
    made = tenants.enter(slug, slug, "bench")
    rollout.set_rollout(made.org.id, actor=Actor("bench"), reason="A benchmark.", mode="on", limit=limit)
    return made.secret


def results(kind: Kind, found: Found) -> list[Result]:
    what = f"triggers {kind.what}"
    against = "against requests of an empty DRF view"
    rate = result.make(f"B6.{kind.name}", f"{what}; {against}", "1/s", found.rates(kind), kind.target)
    taken = result.make(f"B6.{kind.name}.spent", f"{what}: processor time of the web server", "us", found.spent(kind))
    return [rate, taken]
