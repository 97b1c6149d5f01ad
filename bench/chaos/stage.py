"""Plays a scenario: sends it from several processes, waits for the end of every instance, has the logs judged."""

import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from bench.chaos import checker, logs, report, retelling, scenarios
from bench.chaos.checker import Fault, Log
from bench.chaos.crew import Crew, Pump
from bench.chaos.report import Part
from bench.chaos.scenarios import Scenario
from workflows.models import Environment, Organization
from workflows.states import Status

START_SECONDS, POLL_SECONDS = 0.3, 0.1


@dataclass(frozen=True)
class Stage:
    """Where scenarios are played. Each has an env of its own, which tells its hooks from others."""

    crew: Crew
    pumps: Sequence[Pump]
    chance: random.Random

    def play(self, scenario: Scenario) -> Part:
        """Play it to the end, or until what is left counts as stuck."""
        env = make_env()
        began = time.monotonic()
        at = time.time() + START_SECONDS
        hands = scenarios.dealt(scenario.sends, len(self.crew.submitters))
        for peer, sends in zip(self.crew.submitters, hands, strict=True):
            peer.send("submit", env=str(env.id), at=at, sends=[(one.at, one.definition, one.payload) for one in sends])
        last = max((send.at for send in scenario.sends), default=0)
        self._resume(scenario, env, at + last + scenario.patience)
        ids = [UUID(id_) for peer in self.crew.submitters for id_ in peer.answer()]
        await_all(ids, scenario.patience)
        seen, unexpected = self._resumed(scenario)
        part = judged(Part(scenario.name, scenario.what, seen=seen), ids)
        unexpected += [line for pump in self.pumps for line in pump.unexpected()]
        return replace(part, seconds=round(time.monotonic() - began, 2), unexpected=tuple(unexpected))

    def _resume(self, scenario: Scenario, env: Environment, until: float) -> None:
        if scenario.resuming is None:
            return
        resuming, parts = scenario.resuming, len(self.crew.resumers)
        for number, peer in enumerate(self.crew.resumers):
            peer.send(
                "resume",
                env=str(env.id),
                until=until,
                part=[number, parts],
                expected=len(scenario.sends),
                between=[resuming.earliest, resuming.latest],
                burst=resuming.burst,
                seed=self.chance.getrandbits(32),
            )

    def _resumed(self, scenario: Scenario) -> tuple[dict[str, float], list[str]]:
        """Return the resumes by outcome, and what was no outcome at all."""
        if scenario.resuming is None:
            return {}, []
        answers = [peer.answer() for peer in self.crew.resumers]
        outcomes = sum((Counter(answer["outcomes"]) for answer in answers), Counter[str]())
        return dict(outcomes), [error for answer in answers for error in answer["errors"]]


def make_env() -> Environment:
    organization, _ = Organization.objects.get_or_create(slug="stress", defaults={"name": "Stress"})
    number = Environment.objects.filter(org=organization).count()
    return Environment.objects.create(org=organization, slug=f"stress-{number}")


def await_all(ids: Sequence[UUID], seconds: float) -> None:
    """Wait until every instance has finished, or for so long."""
    deadline = time.monotonic() + seconds
    while logs.unfinished(ids) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def judged(part: Part, ids: Sequence[UUID], excused: Iterable[UUID] = ()) -> Part:
    """Return a part with what the rows and logs of its instances say; the excused ones need not complete."""
    found: list[Log] = list(logs.read(ids))
    faults: list[Fault] = [
        fault for log in found for fault in checker.judge(log, retelling.tell if log.finished_at else None)
    ]
    ended = [log for log in found if log.finished_at is not None]
    completed = [log for log in ended if log.status == Status.COMPLETED]
    failed = [log for log in ended if log.status != Status.COMPLETED and log.id not in set(excused)]
    shown = [str(fault) for fault in faults] + [f"{log.id}: {log.status} {log.error_code}" for log in failed]
    return replace(
        part,
        started=len(ids),
        completed=len(completed),
        failed=len(failed),
        stuck=len(ids) - len(ended),
        corrupted=len({fault.instance_id for fault in faults}),
        faults=report.counted(faults),
        examples=tuple(shown[: report.SHOWN_FAULTS]),
        shards=report.lanes(found),
    )
