"""The pump's second thread on its own: a loop of the test's takes what it claims and tells."""

import json
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from tests.waiting import until
from tests.workflows.making import make_instance, make_instances
from workflows import eventlog, ready
from workflows.fence import Append, NewEvent
from workflows.intake import outside
from workflows.models import Instance, Shard
from workflows.pump import leases
from workflows.pump.claimer import Claimer, Reports
from workflows.states import EventType, Status

pytestmark = pytest.mark.django_db(transaction=True)
NEVER = 60_000


class Side:
    """The event loop's side: it says how much it can take, and keeps what it is told."""

    def __init__(self):
        self.counts = Counter()
        self.free = 100
        self.told = False
        self.done = True
        self.tails = {}
        self.long = []
        self.claims, self.logs, self.reads, self.ends, self.kept, self.errors = [], {}, [], [], [], []

    def room(self):
        return self.free - len(self.claims)

    def has_done(self, handed):
        return self.done

    def holding(self):
        return [claim.id for claim in self.claims]

    def tail_of(self, instance_id):
        return self.tails.get(instance_id, 0)

    def long_running(self):
        return self.long

    def tell(self):
        self.told = True

    def claimed(self, batch, logs):
        self.logs |= logs
        self.claims += batch

    def ids(self):
        return [claim.id for claim in self.claims]


@pytest.fixture
def side():
    return Side()


@pytest.fixture
def start(side):
    started = []

    def begin():
        reports = Reports(
            side.claimed, side.reads.append, side.ends.extend, side.kept.append, side.errors.append, side.tell
        )
        claimer = Claimer(0, leases.acquire(0, "test"), side, outside, reports)
        claimer.start()
        started.append(claimer)
        return claimer

    yield begin
    for claimer in started:
        claimer.stop()
        claimer.join(30)


def drop_connections():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        assert cursor.fetchone()[0]


def test_what_is_ready_is_claimed_with_the_events_that_the_loop_lacks(side, start):
    fresh, known, behind = make_instances("noop", [1, 2, 3])
    for instance in (known, behind):
        eventlog.append(Append(instance, (NewEvent(EventType.STARTED),)))
    Instance.objects.filter(id__in=[known, behind]).update(started_at=timezone.now())
    side.tails = {known: 2, behind: 1}
    start()
    until(lambda: len(side.claims) == 3)
    assert {id_: [event.seq for event in log] for id_, log in side.logs.items()} == {fresh: [1, 2], behind: [2]}


def test_no_more_is_claimed_than_there_is_room_for(side, start, settings):
    settings.WORKFLOWS = {"POLL_MS": 20}
    side.free = 0
    make_instances("noop", [None] * 3)
    start()
    until(lambda: side.kept)
    assert side.claims == []
    side.free = 1
    until(lambda: len(side.claims) == 1)


def test_a_hint_an_alarm_and_a_call_each_end_the_pause(side, start, settings):
    settings.WORKFLOWS = {"POLL_MS": NEVER, "HEARTBEAT_MS": NEVER, "LEASE_MS": NEVER}
    claimer = start()
    until(lambda: claimer.found_nothing)
    hinted = make_instance()
    ready._sent.at.clear()
    ready.notify([0])
    until(lambda: side.ids() == [hinted])
    until(lambda: claimer.found_nothing)
    due = make_instance(wake_at=timezone.now() + timedelta(seconds=0.1))
    claimer.alarm(time.monotonic() + 0.15)
    until(lambda: side.ids() == [hinted, due])
    called = make_instance()
    claimer.look_now()
    until(lambda: side.ids() == [hinted, due, called])


def test_a_hint_at_another_shard_is_not_for_it(side, start, settings):
    settings.WORKFLOWS = {"POLL_MS": NEVER, "HEARTBEAT_MS": 20}
    claimer = start()
    until(lambda: claimer.found_nothing)
    make_instance()
    ready._sent.at.clear()
    ready.notify([1])
    beats = len(side.kept)
    until(lambda: len(side.kept) > beats + 2)
    assert side.claims == []


def test_a_log_that_is_asked_for_is_read_up_to_its_end(side, start, settings):
    settings.WORKFLOWS = {"POLL_MS": NEVER}
    instance = make_instance(wake_at=None)
    eventlog.append(Append(instance, (NewEvent(EventType.STARTED),) * 2))
    start().ask_log(instance, 1)
    until(lambda: side.reads)
    assert [event.seq for event in side.reads[0][instance]] == [2, 3]


def test_each_heartbeat_keeps_the_lease_and_brings_what_was_done(side, start, settings):
    settings.WORKFLOWS = {"HEARTBEAT_MS": 20}
    ended = make_instance(status=Status.CANCELLED, finished_at=timezone.now(), wake_at=None)
    side.counts["completed"], side.long = 3, [ended]
    start()
    until(lambda: len(side.kept) > 1)
    assert json.loads(side.kept[-1].counts) == Shard.objects.get(index=0).counts == {"completed": 3}
    assert side.ends[0] == ended


def test_a_lease_that_was_lost_is_told(side, start, settings):
    settings.WORKFLOWS = {"HEARTBEAT_MS": 20}
    start()
    until(lambda: side.kept)
    Shard.objects.update(epoch=2)
    until(lambda: side.kept[-1] is None)


def test_what_a_dead_owner_left_is_freed_batch_after_batch_and_claimed(side, start, settings):
    settings.WORKFLOWS = {"POLL_MS": NEVER, "TAKEOVER_BATCH": 2}
    Shard.objects.create(index=0, epoch=4)
    left = {make_instance(status=Status.RUNNING, epoch=4, wake_at=None) for _ in range(5)}
    start()
    until(lambda: set(side.ids()) == left)
    assert {claim.takeovers for claim in side.claims} == {1}


def test_nothing_is_claimed_once_it_was_told_to_stop_claiming(side, start, settings):
    settings.WORKFLOWS = {"POLL_MS": 10, "HEARTBEAT_MS": 20}
    claimer = start()
    until(lambda: claimer.found_nothing)
    claimer.stop_claiming()
    beats = len(side.kept)
    until(lambda: len(side.kept) > beats + 1)
    make_instance()
    until(lambda: len(side.kept) > beats + 4)
    assert side.claims == []


def test_after_a_lost_connection_what_it_owns_unknowingly_is_claimed_again(side, start, settings):
    settings.WORKFLOWS = {"POLL_MS": NEVER, "HEARTBEAT_MS": 20}
    claimer = start()
    until(lambda: claimer.found_nothing)
    held = make_instance()
    claimer.look_now()
    until(lambda: side.ids() == [held])
    unknown = make_instance(status=Status.RUNNING, epoch=1, wake_at=None)
    drop_connections()
    until(lambda: side.ids() == [held, unknown])
    assert side.errors == []


def test_an_error_of_its_own_is_told_and_ends_it(side, start):
    side.free = None
    start()
    until(lambda: side.errors)
    assert isinstance(side.errors[0], TypeError)


def test_a_hint_at_the_outbox_is_passed_on(side, start, settings):
    settings.WORKFLOWS = {"POLL_MS": NEVER}
    start()
    until(lambda: side.kept)
    instance = make_instance(wake_at=None)
    until(lambda: ready.tell(instance) or side.told)
    assert side.claims == []
