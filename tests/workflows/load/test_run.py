"""A whole run against a live server, a drainer and pumps."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.db import connection

from mollifier import conf, tasks
from mollifier.drainer import Drainer
from tests.workflows.pumping import running
from workflows.intake import refresher
from workflows.load import plan, run, tenants
from workflows.load.client import Limits
from workflows.load.traces import Commit
from workflows.load.wire import Target
from workflows.models import ApiKey, Instance, OrganizationFlags

pytestmark = pytest.mark.django_db(transaction=True)


class Count:
    """A progress bar that only counts."""

    def __init__(self) -> None:
        self.shown: dict[str, int] = {}

    @contextmanager
    def __call__(self, what: str, of: int) -> Iterator["Count"]:
        self.what = what
        self.shown[what] = 0
        yield self
        assert self.shown[what] == of

    def update(self, n: int) -> None:
        self.shown[self.what] += n


@pytest.fixture
def service(live_server, settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """Serve, drain and run until the test ends."""
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SNAPSHOT_REFRESH_MS": 100}
    monkeypatch.setattr(tenants, "LIMIT", {"limit": 5, "window_ms": 1000})
    refresher.forget()
    stop = threading.Event()

    def drain() -> None:
        Drainer(tasks.materialiser(conf.current()), conf.current(), stop.is_set).run(time.monotonic() + 60, 60)
        connection.close()

    thread = threading.Thread(target=drain)
    thread.start()
    with ExitStack() as pumps:
        for shard in range(4):
            pumps.enter_context(running(shard))
        yield Target.parse(live_server.url)
    stop.set()
    thread.join()
    refresher.forget()


def run_of(target: Target, orgs: dict[str, tuple[str, str]], total: int, name: str) -> run.Run:
    return run.Run(name, target, orgs, total, Limits(connections=4), patience_seconds=30)


def test_every_accepted_trigger_of_a_burst_is_one_completed_instance(service: Target) -> None:
    name, count = run.new_name(), Count()
    sendings = plan.of_burst([0.0] * 60, ["ada", "grace"], run=name, definition="steps", payload={"n": 2})
    orgs = {"ada": ("ada", "Ada"), "grace": ("grace", "Grace")}

    report = run.perform(run_of(service, orgs, 60, name), sendings, count)

    assert report.ok
    assert (report.sent, report.accepted, report.completed) == (60, 60, 60)
    assert report.buffered == report.drained > 0
    assert report.started + report.buffered == 60
    assert report.left_in_buffer == 0
    assert count.shown == {"sent": 60, "ended": 60}
    assert set(OrganizationFlags.objects.values_list("org__slug", "mode")) == {("ada", "on"), ("grace", "on")}
    assert not ApiKey.objects.exists()


def test_a_trace_that_is_sent_twice_starts_nothing_twice(service: Target) -> None:
    commits = [Commit(t, "commit.pushed", "grace/looms", f"{t:040x}", "x", 1, 2, 3) for t in range(30)]
    orgs = {"grace/looms": ("grace-looms", "grace/looms")}

    first, second = [
        run.perform(
            run_of(service, orgs, 30, name),
            plan.batched(plan.of_trace(commits, run=name, speed=1e6), batch),
            Count(),
        )
        for name, batch in (("burst-first", 1), ("burst-second", 10))
    ]

    assert (first.completed, first.existing, first.ok) == (30, 0, True)
    assert (second.completed, second.existing, second.ok) == (30, 30, True)
    assert Instance.objects.filter(definition="review", status="completed").count() == 30
