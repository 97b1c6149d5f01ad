"""One run: make the tenants, send the plan, wait for its ids to end, and say what became of each."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from django.utils import timezone

from workflows.load import report, service, tenants, verdict
from workflows.load.client import Answered, Client, Limits
from workflows.load.plan import Sending
from workflows.load.report import Report
from workflows.load.tally import Tally
from workflows.load.wire import Target

KEYS_KNOWN_SECONDS = 20.0


class Bar(Protocol):
    """A progress bar: tqdm, or anything that counts."""

    def update(self, n: int) -> object: ...


Progress = Callable[[str, int], AbstractContextManager[Bar]]


@dataclass(frozen=True, slots=True)
class Run:
    """What is to be run. `orgs` maps a tenant of the plan to the slug and name of its org; `total` counts triggers."""

    name: str
    target: Target
    orgs: Mapping[str, tuple[str, str]]
    total: int
    limits: Limits
    patience_seconds: float


def new_name() -> str:
    """Name a run; every trigger of it carries the name as a tag."""
    return f"burst-{uuid.uuid4().hex[:12]}"


def perform(run: Run, sendings: Iterable[Sending], progress: Progress) -> Report:
    """Run it to the end.

    Raises:
        service.ServiceError: it can't be run, or what is left in the buffer can't be told.
    """
    entered = {name: tenants.enter(slug, title, run.name) for name, (slug, title) in run.orgs.items()}
    try:
        keys = {name: tenant.secret for name, tenant in entered.items()}
        service.await_keys(run.target, keys.values(), KEYS_KNOWN_SECONDS)
        tally = Tally()
        started_at, started = timezone.now(), time.monotonic()
        with progress("sent", run.total) as bar:
            asyncio.run(send(run, keys, sendings, tally, bar))
        seconds = time.monotonic() - started
        with progress("ended", len(tally.accepted)) as bar:
            verdict.wait(sorted(tally.accepted), patience_seconds=run.patience_seconds, on_finished=bar.update)
        found = verdict.judge(tally, run.name)
        left = service.queued(run.target, keys.values())
    finally:
        tenants.leave(entered.values())
    return report.make(
        run=run.name, started_at=started_at, seconds=seconds, tally=tally, verdict=found, left_in_buffer=left
    )


async def send(run: Run, keys: Mapping[str, str], sendings: Iterable[Sending], tally: Tally, bar: Bar) -> None:
    def count(answered: Answered) -> None:
        tally.add(answered)
        bar.update(len(answered.sending.triggers))

    await Client(run.target, keys, count, run.limits).run(sendings)
