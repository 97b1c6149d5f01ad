"""The damper: what it counts, what it refuses, and that it holds for any number of submitters."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from mollifier import pages
from tests import waiting
from tests.bound import bind
from tests.exchanges import traced
from tests.intake import draining, floods
from tests.tenants import make_env, request, seen
from workflows import eventlog, storms
from workflows.intake import admission, control, damper, groups, lookup, refresher, submission
from workflows.intake.submission import Buffered, Existing, Started, Throttled, Unavailable
from workflows.models import Instance, Storm, SuppressedTrigger
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)

PARKED = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


# What is counted.


def test_at_the_limit_the_next_is_refused_with_count_limit_and_group():
    env = make_env()
    bind(limit=3)
    assert floods.kinds(env, range(3)) == [Started] * 3
    refused = floods.send(env, "more")
    assert isinstance(refused, Throttled)
    assert refused.code == "throttled_event_backlog"
    assert all(word in refused.message for word in ("3 or more", "limit is 3", "'order.created' -> 'greet'"))
    assert Instance.objects.count() == 3


def test_an_event_that_was_submitted_before_is_found_however_large_the_backlog():
    env = make_env()
    bind(limit=2)
    first = floods.send(env, "first")
    floods.send(env, "second")
    floods.fill(env, 1_000)
    again = floods.send(env, "first")
    assert isinstance(again, Existing)
    assert again.instance.id == first.instance.id
    assert isinstance(floods.send(env, "new"), Throttled)


def test_only_live_instances_of_the_same_group_within_the_window_count():
    env, other = make_env(), make_env("other")
    bind(limit=3, window_seconds=600)
    floods.fill(other, 5)
    floods.fill(env, 5, status=Status.PAUSED.value)
    floods.fill(env, 5, status=Status.COMPLETED.value, finished_at=timezone.now())
    old = timezone.now() - timedelta(seconds=900)
    floods.fill(env, 5)
    Instance.objects.filter(env=env, status=Status.PENDING).update(created_at=old)
    submission.submit(request(env))
    assert floods.kinds(env, range(4)) == [Started] * 3 + [Throttled]


def test_two_types_of_event_and_two_definitions_are_counted_apart():
    env = make_env()
    bind("order.*", limit=1)
    assert isinstance(floods.send(env, 1, "order.created"), Started)
    assert isinstance(floods.send(env, 2, "order.paid"), Started)
    assert isinstance(floods.send(env, 3, "order.paid"), Throttled)


@pytest.mark.parametrize("limit", [0, -1])
def test_without_a_limit_nothing_is_asked(limit):
    env = make_env()
    bind(limit=limit)
    floods.fill(env, 60)
    with traced() as sent:
        assert isinstance(floods.send(env, "one"), Started)
    assert len([each for each in sent if "pg_notify" not in each]) == 1
    assert Storm.objects.count() == 0


def test_what_is_no_event_is_not_damped():
    env = make_env()
    bind(limit=1)
    floods.send(env, 1)
    assert [type(submission.submit(request(env))) for _ in range(3)] == [Started] * 3


def test_an_ended_instance_makes_room():
    env = make_env()
    bind(limit=4)
    ids = floods.started(env, 4)
    floods.finish(ids[0])
    assert isinstance(floods.send(env, "more"), Started)


# The buffer's part.


def test_what_is_buffered_counts_and_what_is_drained_is_not_counted_twice():
    env = make_env("acme", "production", **floods.ON)
    bind(limit=5)
    assert floods.kinds(env, range(6)) == [Started] + [Buffered] * 4 + [Throttled]
    assert draining.drain() == 4
    assert Instance.objects.count() == 5
    Storm.objects.update(closed_at=timezone.now())
    floods.finish(*Instance.objects.values_list("id", flat=True)[:2])
    assert floods.kinds(env, ["a", "b", "c"]) == [Buffered] * 2 + [Throttled]


def test_a_storm_tells_no_larger_backlog_than_is_certain():
    env = make_env("acme", "production", **floods.ON)
    bind(limit=5)
    floods.kinds(env, range(5))
    draining.write(draining.claim().entries)
    refused = floods.send(env, "sixth")
    assert isinstance(refused, Throttled)
    assert "5 or more instances" in refused.message, "four of them are rows and entries"
    assert Storm.objects.get().peak == 5


def test_more_than_a_limit_that_was_lowered_is_told_as_it_is():
    env = make_env("acme", "production", **floods.ON)
    binding = bind(limit=9)
    floods.kinds(env, range(9))
    binding.limit = 4
    binding.save()
    refresher.refresh()
    assert isinstance(floods.send(env, "tenth"), Throttled)
    assert Storm.objects.get().peak == 8, "what is buffered; the one row may be one of it"


def test_a_buffered_event_is_found_again():
    env = make_env("acme", "production", **floods.ON)
    bind(limit=2)
    floods.send(env, "first")
    waiting = floods.send(env, "second")
    again = floods.send(env, "second")
    assert isinstance(again, Existing)
    assert again.instance.id == waiting.instance.id
    assert again.instance.status == "buffered"


def test_a_paused_entry_and_a_cancelled_one_count_until_they_are_drained():
    env = make_env("acme", "production", **floods.ON)
    bind(limit=2)
    floods.send(env, "first")
    waiting = floods.send(env, "second").instance.id
    control.cancel(seen(env), waiting, "no", actor="ada")
    assert isinstance(floods.send(env, "third"), Throttled)
    draining.drain()
    Storm.objects.update(closed_at=timezone.now())
    assert isinstance(floods.send(env, "third"), Buffered)


def test_without_the_database_nothing_is_started_or_buffered(outage):
    env = make_env("acme", "production", **{**floods.ON, "limit": 100})
    bind(limit=2)
    floods.ready_of(env)
    outage.begin()
    assert isinstance(floods.send(env, "one"), Unavailable)
    outage.end()
    assert pages.newest(lookup.scope_of(seen(env)), None, 10).entries == ()
    assert isinstance(floods.send(env, "one"), Started)


def test_inside_a_transaction_of_the_caller_it_refuses_to_count():
    env = make_env()
    bind(limit=2)
    with pytest.raises(RuntimeError), transaction.atomic():
        floods.send(env, "one")
    assert Instance.objects.count() == 0


# Many at once.


def test_sixty_four_at_once_start_no_more_than_the_limit():
    env = make_env()
    bind(limit=10)
    barrier = threading.Barrier(16)

    def work(worker):
        barrier.wait(30)
        try:
            return [type(floods.send(env, f"{worker}-{number}")) for number in range(4)]
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        found = Counter(kind for each in pool.map(work, range(16)) for kind in each)
    assert found == {Started: 10, Throttled: 54}
    assert Instance.objects.count() == 10
    assert Storm.objects.get().suppressed == 54


def test_a_flood_parks_one_connection_of_a_process_at_a_groups_lock():
    env = make_env()
    bind(limit=1)
    group = storms.group_of(floods.ready_of(env).trigger)

    def work(number):
        try:
            return type(floods.send(env, number))
        finally:
            connection.close()

    lock = damper._lock_of(group)
    with ThreadPoolExecutor(8) as pool:
        eventlog.execute("SELECT pg_advisory_lock(%s)", (lock,))
        sent = [pool.submit(work, number) for number in range(8)]
        waiting.until(lambda: sum(each.present for each in admission._let_in._meetings.values()) == 8)
        waiting.until(lambda: eventlog.execute(PARKED, ()) != [(0,)])
        assert eventlog.execute(PARKED, ()) == [(1,)]
        eventlog.execute("SELECT pg_advisory_unlock(%s)", (lock,))
    assert Counter(each.result(30) for each in sent) == {Started: 1, Throttled: 7}


# Storms.


def test_a_storm_opens_with_the_first_refusal_and_holds_until_half_the_limit():
    env = make_env()
    bind(limit=4)
    ids = floods.started(env, 4)
    assert Storm.objects.count() == 0
    assert floods.kinds(env, ["a", "b"]) == [Throttled] * 2
    storm = Storm.objects.get()
    assert (storm.suppressed, storm.peak, storm.closed_at) == (2, 4, None)
    floods.finish(*ids[:2])
    refused = floods.send(env, "c")
    assert isinstance(refused, Throttled)
    assert "storm is open" in refused.message
    floods.finish(ids[2])
    assert isinstance(floods.send(env, "d"), Started)
    storm.refresh_from_db()
    assert (storm.suppressed, storm.closed_by) == (3, damper.SUBMITTER)


def test_what_a_storm_refuses_while_it_is_closed_opens_no_other(monkeypatch):
    env = make_env()
    bind(limit=2)
    floods.started(env, 2)
    assert isinstance(floods.send(env, "a"), Throttled)
    look = groups.look

    def closed_meanwhile(*waiting, **how):
        seen = look(*waiting)
        storms.close(seen.storm, "ada")
        return seen

    monkeypatch.setattr(groups, "look", closed_meanwhile)
    assert isinstance(floods.send(env, "b"), Throttled)
    assert [each.suppressed for each in Storm.objects.all()] == [2]


def test_the_sweep_closes_what_is_calm_and_nothing_else():
    env = make_env()
    bind("order.*", limit=4)
    ids = floods.started(env, 4)
    for number in range(4):
        floods.send(env, f"paid-{number}", "order.paid")
    assert [type(floods.send(env, "a")), type(floods.send(env, "b", "order.paid"))] == [Throttled] * 2
    assert damper.sweep() == 0
    floods.finish(*ids[:3])
    assert damper.sweep() == 1
    assert Storm.objects.get(closed_at=None).event_type == "order.paid"
    assert damper.sweep() == 0


def test_what_is_suppressed_is_kept_up_to_the_latest(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "STORM_KEPT": 3}
    env = make_env()
    bind(limit=1)
    floods.kinds(env, range(6))
    storm = Storm.objects.get()
    assert storm.suppressed == 5
    assert [each.trigger.event_key for each in storms.list_kept(storm.id, 10)] == ["3", "4", "5"]
    assert SuppressedTrigger.objects.count() == 3
