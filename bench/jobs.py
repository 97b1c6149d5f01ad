"""B16: jobs that do nothing, from the first that is sent to the last that is done: ours beside task queues.

Ours are triggers of an empty workflow, drained and run by the two clusters of bin/up. A peer has its own workers on the
same PostgreSQL and Valkey. Senders are one thread of one process; whoever is not measured does not run.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Max

from bench import drain, engines, idle, result
from bench.chaos import stack
from bench.peers import asking
from bench.peers.asking import NotMeasured, Peer
from bench.result import Result, Samples
from bench.rounds import Clock
from launch import up
from settings import env
from workflows.intake import refresher, rollout, submission
from workflows.intake.outcome import Buffered, Started
from workflows.intake.rollout import Actor
from workflows.models import Environment, Instance, Organization
from workflows.states import Status
from workflows.trigger import Request, Source

ROUNDS, JOBS, WARM, BATCH = 5, 1_000, 50, 100
GIVE_UP_SECONDS, LOOK_SECONDS = 90.0, 0.02
CLUSTERS = ("queue", "pump")
# Database 0 is ours.
REDIS_DATABASE = 1


@dataclass(frozen=True)
class Way:
    """A way in of ours: how many at once, and the limit of an org that has them start now, or be buffered."""

    name: str
    what: str
    at_once: int
    limit: int
    outcome: type[Started | Buffered]


# A gate that always has room, and one that is always tripped.
ROOM, TRIPPED = 1_000_000, 1
WAYS = (
    Way("batch", f"sent by {BATCH}, ours buffered", BATCH, TRIPPED, Buffered),
    Way("buffered", "sent one by one, ours buffered", 1, TRIPPED, Buffered),
    Way("started", "sent one by one, ours started at once, each a committed row", 1, ROOM, Started),
)


@dataclass(frozen=True)
class Queue:
    """A peer, and the arguments of its programs: the stores it works on, by name."""

    name: str
    program: str
    stores: tuple[str, ...]
    batches: bool = True


QUEUES = (
    Queue("Celery", "celery", ("redis",)),
    Queue("django-q2", "django_q", ("redis", "database"), batches=False),
    Queue("Procrastinate", "procrastinate", ("database",)),
)


@dataclass(frozen=True)
class Pace:
    """Jobs a second: sent, and done from the first that was sent on."""

    sent: float
    done: float


@dataclass
class Found:
    """What each came to, a pace a round; and why a peer has none. A peer's are by how many it was sent at once."""

    ours: dict[str, list[Pace]] = field(default_factory=dict)
    theirs: dict[tuple[str, int], list[Pace]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)


def beside_queues(clock: Clock) -> list[Result]:
    """B16: each way of ours and each peer once a round; who starts is turned."""
    found, stores = Found(), {each.program: made_stores(each) for each in QUEUES}
    environments = {limit: entered(limit) for limit in (ROOM, TRIPPED)}
    for number in clock.rounds(ROUNDS):
        if number % 2 == 0:
            play_ours(environments, found)
        for each in QUEUES:
            play(each, stores[each.program], found)
        if number % 2:
            play_ours(environments, found)
    return [compared(each, way, figure, found) for way in WAYS for each in QUEUES for figure in ("done", "sent")]


def made_stores(queue: Queue) -> list[str]:
    """Return the addresses of a peer's stores; its database is made, on our server."""
    found = {"redis": other_redis(env.required("REDIS_URL")), "database": engines.database(queue.program)}
    if "database" in queue.stores:
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{queue.program}"')
    return [found[name] for name in queue.stores]


def other_redis(url: str) -> str:
    return f"{url.rpartition('/')[0]}/{REDIS_DATABASE}"


def entered(limit: int) -> Environment:
    """Make an org that is on, with this limit."""
    org = Organization.objects.create(slug=f"limit-{limit}", name=f"Limit {limit}")
    rollout.set_rollout(org.id, actor=Actor("bench"), reason="A benchmark.", mode="on", limit=limit)
    made = Environment.objects.create(org=org, slug="production")
    refresher.refresh()
    return made


def play_ours(environments: Mapping[int, Environment], found: Found) -> None:
    drain.empty()
    with clusters():
        for way in WAYS:
            # What of the first few may pass a gate that is to be tripped is none of the measured.
            run(environments[way.limit], WARM, 1, Started | Buffered)
            pace = run(environments[way.limit], JOBS, way.at_once, way.outcome)
            found.ours.setdefault(way.name, []).append(pace)


@contextmanager
def clusters() -> Iterator[None]:
    """Run what bin/up has drain the buffer and run the instances."""
    programs = [each for each in up.programs(stack.variables(), 0) if each.name in CLUSTERS]
    with idle.started(programs):
        idle.await_pumps()
        yield


def run(environment: Environment, jobs: int, at_once: int, outcome: Any) -> Pace:
    """Submit so many triggers, each to come to this outcome, and wait for the last instance."""
    completed = Instance.objects.filter(env_id=environment.id, status=Status.COMPLETED)
    before, began = completed.count(), time.time()
    others = sum(send(environment, at_once, outcome) for _ in range(jobs // at_once))
    sent = time.time() - began
    assert others * 20 <= jobs, f"{others} of {jobs} triggers came to something else"
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while (done := completed.count()) < before + jobs:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{before + jobs - done} of {jobs} instances did not complete")
        time.sleep(LOOK_SECONDS)
    last = completed.aggregate(last=Max("finished_at"))["last"]
    return Pace(jobs / sent, jobs / (last.timestamp() - began))


def send(environment: Environment, count: int, outcome: Any) -> int:
    """Submit so many at once; return how many came to another outcome."""
    requests = [request(environment.org_id, environment.id) for _ in range(count)]
    outcomes = [submission.submit(requests[0])] if count == 1 else submission.submit_many(requests)
    return sum(not isinstance(each, outcome) for each in outcomes)


def request(org_id: UUID, env_id: UUID) -> Request:
    return Request(org_id=org_id, env_id=env_id, definition="noop", source=Source.PYTHON)


def play(queue: Queue, stores: list[str], found: Found) -> None:
    """Have a peer send and do the same; one that failed once has no figure and is not asked again."""
    if queue.name in found.absent:
        return
    try:
        with running(queue.program, stores) as peer:
            found.names[queue.name] = peer.name
            peer.ask("run", jobs=WARM, batch=1)
            for at_once in (1, BATCH) if queue.batches else (1,):
                took: Mapping[str, float] = peer.ask("run", jobs=JOBS, batch=at_once)
                pace = Pace(JOBS / took["sent"], JOBS / took["done"])
                found.theirs.setdefault((queue.name, at_once), []).append(pace)
    except NotMeasured as why:
        found.absent[queue.name] = str(why)


@contextmanager
def running(program: str, stores: list[str]) -> Iterator[Peer]:
    """Run a peer's sender and its workers. The sender makes its tables before it is ready."""
    with (
        tempfile.TemporaryDirectory(prefix="mollifier-jobs-") as folder,
        asking.peer(program, folder, *stores) as peer,
        asking.worker(program, folder, *stores),
    ):
        yield peer


DONE = {"done": "processed", "sent": "enqueued"}
TOLD = {"done": "from the first that is sent to the last that is done", "sent": "until the last is sent"}


def compared(queue: Queue, way: Way, figure: str, found: Found) -> Result:
    at_once = way.at_once if queue.batches else 1
    why = found.absent.get(queue.name)
    how = "" if at_once == way.at_once else ", which can only send one by one"
    theirs = () if why is not None else found.theirs[queue.name, at_once]
    return result.make(
        f"B16.{way.name}.{queue.program}.{DONE[figure]}",
        f"{JOBS:,} no-op jobs {way.what}, {TOLD[figure]}",
        "jobs/s",
        Samples(paces(found.ours[way.name], figure), paces(theirs, figure)),
        note=f"{queue.name} not measured: {why}" if why is not None else f"against {found.names[queue.name]}{how}",
    )


def paces(found: Iterable[Pace], figure: str) -> tuple[float, ...]:
    return tuple(getattr(pace, figure) for pace in found)
