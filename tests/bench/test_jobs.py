"""B16 on a few jobs: ours with a drainer and a pump in this process, beside peers that are asked or gone."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from bench import jobs
from bench.peers.asking import NotMeasured
from bench.rounds import Clock
from mollifier import conf, tasks
from mollifier.drainer import Drainer
from tests.workflows.pumping import running
from workflows.intake.outcome import Buffered, Started
from workflows.models import Instance


class Scripted:
    """A peer that takes a second to send and four to do everything."""

    name = "a peer 1.0"

    def ask(self, figure: str, **given: object) -> dict[str, float]:
        return {"sent": 1.0, "done": 4.0}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ROUNDS", 2)
    monkeypatch.setattr(jobs, "JOBS", 20)
    monkeypatch.setattr(jobs, "made_stores", lambda queue: [queue.program])
    monkeypatch.setattr(jobs, "play_ours", lambda _environments, found: ours(found))
    monkeypatch.setattr(jobs, "entered", lambda _limit: None)

    @contextmanager
    def running(program: str, _stores: list[str]) -> Iterator[Scripted]:
        if program == "celery":
            raise NotMeasured("no package")
        yield Scripted()

    monkeypatch.setattr(jobs, "running", running)


def ours(found: jobs.Found) -> None:
    for way in jobs.WAYS:
        found.ours.setdefault(way.name, []).append(jobs.Pace(40, 10))


def test_each_way_of_ours_stands_beside_each_queue(few: None) -> None:
    found = {each.id: each for each in jobs.beside_queues(Clock(60))}
    assert len(found) == 3 * 3 * 2
    done = found["B16.batch.procrastinate.processed"]
    assert (done.ours, done.against, done.ratio, done.unit) == (10, 5, 2, "jobs/s")
    assert done.note == "against a peer 1.0"
    assert found["B16.started.procrastinate.enqueued"].against == 20
    assert len(done.samples.ours) == len(done.samples.against) == 2
    assert "which can only send one by one" in str(found["B16.batch.django_q.enqueued"].note)


def test_a_queue_that_can_not_be_had_is_told_of(few: None) -> None:
    found = {each.id: each for each in jobs.beside_queues(Clock(60))}["B16.started.celery.processed"]
    assert (found.ours, found.against, found.note) == (10, None, "Celery not measured: no package")


@pytest.fixture
def working() -> Iterator[None]:
    """Drain and run from this process."""
    over = threading.Event()
    drainer = Drainer(tasks.materialiser(conf.current()), conf.current(), over.is_set)

    def drain() -> None:
        drainer.run(time.monotonic() + 60, 60)
        connection.close()

    with running(0), running(1), running(2), running(3):
        thread = threading.Thread(target=drain)
        thread.start()
        yield
        over.set()
        thread.join()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", jobs.WAYS, ids=lambda way: way.name)
def test_a_run_ends_with_its_last_instance(way: jobs.Way, working: None, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, at_once = jobs.entered(way.limit), min(way.at_once, 10)
    jobs.run(environment, 5, 1, Started | Buffered)
    pace = jobs.run(environment, 20, at_once, way.outcome)
    assert 0 < pace.done < pace.sent
    assert Counter(Instance.objects.values_list("status", flat=True)) == {"completed": 25}


@pytest.mark.django_db(transaction=True)
def test_what_came_to_something_else_is_no_measurement() -> None:
    with pytest.raises(AssertionError, match="2 of 2 triggers"):
        jobs.run(jobs.entered(jobs.ROOM), 2, 1, Buffered)


@pytest.mark.django_db(transaction=True)
def test_instances_that_nobody_runs_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "GIVE_UP_SECONDS", 0)
    with pytest.raises(TimeoutError, match="2 of 2"):
        jobs.run(jobs.entered(jobs.ROOM), 2, 1, Started)


def test_the_peers_redis_is_another_database_of_our_server() -> None:
    assert jobs.other_redis("redis://:secret@127.0.0.1:5/0") == "redis://:secret@127.0.0.1:5/1"
