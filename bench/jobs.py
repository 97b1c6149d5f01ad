"""B16: jobs that do nothing, from the first that is sent to the last that is done: ours beside task queues.

Ours are triggers of an empty workflow, drained and run by the two clusters of bin/up. A peer has its own workers on the
same PostgreSQL and Valkey. Senders are one thread of one process; whoever is not measured does not run.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
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

ROUNDS, JOBS, WARM = 3, 2_000, 50
# How many are sent at once.
SIZES = {"one": 1, "batch": 100}
GIVE_UP_SECONDS, LOOK_SECONDS = 90.0, 0.02
CLUSTERS = ("queue", "pump")
# Database 0 is ours.
REDIS_DATABASE = 1


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
    """What each came to, by size, a pace a round; and why a peer has none."""

    paces: dict[tuple[str, str], list[Pace]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    buffered: dict[str, int] = field(default_factory=dict)

    def add(self, who: str, size: str, pace: Pace) -> None:
        self.paces.setdefault((who, size), []).append(pace)

    def of(self, who: str, size: str, figure: str) -> tuple[float, ...]:
        return tuple(getattr(pace, figure) for pace in self.paces.get((who, size), ()))


OURS = "ours"


def beside_queues(clock: Clock) -> list[Result]:
    """B16: ours and each peer once a round, one by one and by the batch; who starts is turned."""
    found, stores = Found(), {each.program: made_stores(each) for each in QUEUES}
    environment = entered()
    for number in clock.rounds(ROUNDS):
        if number % 2 == 0:
            play_ours(environment, found)
        for each in QUEUES:
            play(each, stores[each.program], found)
        if number % 2:
            play_ours(environment, found)
    return [compared(each, size, figure, found) for each in QUEUES for size in SIZES for figure in ("done", "sent")]


def made_stores(queue: Queue) -> list[str]:
    """Return the addresses of a peer's stores; its database is made, on our server."""
    found = {"redis": other_redis(env.required("REDIS_URL")), "database": engines.database(queue.program)}
    if "database" in queue.stores:
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{queue.program}"')
    return [found[name] for name in queue.stores]


def other_redis(url: str) -> str:
    return f"{url.rpartition('/')[0]}/{REDIS_DATABASE}"


def entered() -> Environment:
    """Make an org that is on, with the limits of the settings."""
    org = Organization.objects.create(slug="jobs", name="Jobs")
    rollout.set_rollout(org.id, actor=Actor("bench"), reason="A benchmark.", mode="on")
    made = Environment.objects.create(org=org, slug="production")
    refresher.refresh()
    return made


def play_ours(environment: Environment, found: Found) -> None:
    drain.empty()
    with clusters():
        run(environment, WARM, 1)
        for size, batch in SIZES.items():
            pace, buffered = run(environment, JOBS, batch)
            found.add(OURS, size, pace)
            found.buffered[size] = buffered


@contextmanager
def clusters() -> Iterator[None]:
    """Run what bin/up has drain the buffer and run the instances."""
    programs = [each for each in up.programs(stack.variables(), 0) if each.name in CLUSTERS]
    with idle.started(programs):
        idle.await_pumps()
        yield


def run(environment: Environment, jobs: int, batch: int) -> tuple[Pace, int]:
    """Submit so many triggers and wait for the last instance; return the pace, and how many were buffered."""
    completed = Instance.objects.filter(env_id=environment.id, status=Status.COMPLETED)
    before, buffered = completed.count(), 0
    began = time.time()
    for _ in range(jobs // batch):
        buffered += send(environment, batch)
    sent = time.time() - began
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while (done := completed.count()) < before + jobs:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{before + jobs - done} of {jobs} instances did not complete")
        time.sleep(LOOK_SECONDS)
    last = completed.aggregate(last=Max("finished_at"))["last"]
    return Pace(jobs / sent, jobs / (last.timestamp() - began)), buffered


def send(environment: Environment, count: int) -> int:
    """Submit so many at once; return how many were buffered."""
    requests = [request(environment.org_id, environment.id) for _ in range(count)]
    outcomes = [submission.submit(requests[0])] if count == 1 else submission.submit_many(requests)
    assert all(isinstance(each, Started | Buffered) for each in outcomes), "a trigger was not accepted"
    return sum(isinstance(each, Buffered) for each in outcomes)


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
            for size, batch in SIZES.items():
                if batch == 1 or queue.batches:
                    took: Mapping[str, float] = peer.ask("run", jobs=JOBS, batch=batch)
                    found.add(queue.name, size, Pace(JOBS / took["sent"], JOBS / took["done"]))
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


def compared(queue: Queue, size: str, figure: str, found: Found) -> Result:
    ours = found.of(OURS, size, figure)
    theirs = "one" if size == "batch" and not queue.batches else size
    why = found.absent.get(queue.name)
    against = () if why is not None else found.of(queue.name, theirs, figure)
    return result.make(
        f"B16.{queue.program}.{size}.{DONE[figure]}",
        f"{JOBS:,} no-op jobs sent by {SIZES[size]}, {TOLD[figure]}",
        "jobs/s",
        Samples(ours, against),
        note=noted(queue, size, theirs, found),
    )


def noted(queue: Queue, size: str, theirs: str, found: Found) -> str:
    why = found.absent.get(queue.name)
    if why is not None:
        return f"{queue.name} not measured: {why}"
    how = ", which can only send one by one" if theirs != size else ""
    return f"against {found.names[queue.name]}{how}; {found.buffered[size]:,} of ours were buffered"
