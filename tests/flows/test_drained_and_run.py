"""From submission through the buffer and the engine to the outcome, in one process, on real servers."""

import threading
import time
from collections import Counter

import pytest
from django.db import connection

from mollifier import conf, tasks
from mollifier.drainer import Drainer
from tests.tenants import make_env, request, seen
from tests.waiting import until
from tests.workflows.pumping import running
from workflows.intake import control, lookup, refresher, rollout, submission
from workflows.intake.rollout import Actor
from workflows.intake.submission import Buffered, Started
from workflows.models import Event, Instance
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)
ON = {"mode": "on", "limit": 5, "window_ms": 200, "hold_ms": 300}


class Draining:
    """A drainer beside the test, as a worker would run it."""

    def __enter__(self):
        self.stop_asked = threading.Event()
        settings = conf.current()
        self.drainer = Drainer(tasks.materialiser(settings), settings, self.stop_asked.is_set)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def _run(self):
        self.drainer.run(time.monotonic() + 60, 60)
        connection.close()

    def __exit__(self, *_):
        self.stop_asked.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


def finished() -> int:
    return Instance.objects.filter(finished_at__isnull=False).count()


def logs() -> Counter:
    return Counter(Event.objects.values_list("type", flat=True))


def test_every_accepted_trigger_of_a_burst_becomes_one_completed_instance():
    env = make_env("acme", "production", **ON)
    with Draining(), running(0), running(1), running(2), running(3):
        outcomes = [submission.submit(request(env, payload=str(number).encode())) for number in range(200)]
        until(lambda: finished() == 200, 60)
    kinds = Counter(type(outcome) for outcome in outcomes)
    assert set(kinds) == {Started, Buffered}
    assert kinds[Buffered] > 100
    ids = {outcome.instance.id for outcome in outcomes}
    assert set(Instance.objects.filter(status=Status.COMPLETED).values_list("id", flat=True)) == ids
    assert logs() == Counter(created=200, started=200, completed=200)
    shown = {each.id: each.output for each in lookup.find_many(seen(env), list(ids)).values()}
    assert shown == {outcome.instance.id: outcome.instance.payload for outcome in outcomes}


def test_an_environments_backlog_is_run_in_the_order_it_was_accepted(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CLAIM_ENTRIES": 7, "CLAIMS_IN_FLIGHT": 1}
    env = make_env("acme", "production", **{**ON, "limit": 1})
    outcomes = [submission.submit(request(env)) for _ in range(50)]
    with Draining():
        until(lambda: Instance.objects.count() == 50)
    by_time = Instance.objects.order_by("created_at", "id").values_list("id", flat=True)
    assert list(by_time) == [outcome.instance.id for outcome in outcomes]


def test_what_is_buffered_when_an_org_is_switched_off_is_drained_all_the_same():
    env = make_env("acme", "production", **{**ON, "limit": 1, "hold_ms": 60_000})
    before = [submission.submit(request(env)) for _ in range(20)]
    rollout.set_rollout(env.org.id, actor=Actor("ada"), reason="back", mode="off")
    refresher.refresh()
    after = submission.submit(request(env))
    assert [type(before[-1]), type(after)] == [Buffered, Started]
    with Draining():
        until(lambda: Instance.objects.count() == 21)


def test_cancelled_in_the_buffer_is_cancelled_and_the_others_run():
    env = make_env("acme", "production", **{**ON, "limit": 1, "hold_ms": 60_000})
    ids = [submission.submit(request(env)).instance.id for _ in range(21)][1:]
    for id_ in ids[::2]:
        control.cancel(seen(env), id_, "not wanted", actor="ada")
    with Draining(), running(0), running(1), running(2), running(3):
        until(lambda: finished() == 21)
    statuses = dict(Instance.objects.values_list("id", "status"))
    assert {statuses[id_] for id_ in ids[::2]} == {Status.CANCELLED}
    assert {statuses[id_] for id_ in ids[1::2]} == {Status.COMPLETED}
    assert logs()["started"] == 11


def test_an_outage_of_the_database_delays_and_loses_nothing(settings, outage):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "PAUSE_BASE_MS": 50, "PAUSE_CAP_MS": 200, "CLAIM_ENTRIES": 10}
    env = make_env("acme", "production", **{**ON, "limit": 1, "hold_ms": 60_000})
    ids = {submission.submit(request(env)).instance.id for _ in range(100)}
    with Draining() as draining:
        until(lambda: draining.drainer.report.settled >= 10)
        outage.begin()
        ids |= {submission.submit(request(env)).instance.id for _ in range(20)}
        until(lambda: draining.drainer.report.requeued > 0)
        outage.end()
        until(lambda: Instance.objects.count() == 120)
    assert set(Instance.objects.values_list("id", flat=True)) == ids
    assert logs() == Counter(created=120)
    assert set(Instance.objects.values_list("status", flat=True)) == {Status.PENDING}
