"""The damper: what it counts, what it refuses, and that it holds for any number of submitters."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from mollifier import buffer
from tests.bound import bind, emitted
from tests.exchanges import traced
from tests.intake import draining
from tests.tenants import make_env, request, seen
from tests.workflows.making import make_instances
from workflows import storms
from workflows.intake import control, damper, events, lookup, preflight, refresher, submission
from workflows.intake.submission import Buffered, Existing, Started, Throttled, Unavailable
from workflows.models import Instance, Storm, SuppressedTrigger
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)
ON = {"mode": "on", "limit": 1, "window_ms": 60_000, "hold_ms": 60_000}


def send(env, key, type_="order.created"):
    (outcome,) = events.submit_matching(emitted(env, type_, key=str(key)))
    return outcome.submission


def kinds(env, keys) -> list[type]:
    return [type(send(env, key)) for key in keys]


def ready_of(env, key="probe"):
    directory = refresher.current()
    (match,) = events.matches(directory, emitted(env, key=key))
    return preflight.check(events.request_of(directory, emitted(env, key=key), match.bound))


def finish(*ids) -> None:
    Instance.objects.filter(id__in=ids).update(status=Status.COMPLETED, finished_at=timezone.now(), wake_at=None)


def started(env, count):
    return [send(env, f"early-{number}").instance.id for number in range(count)]


# What is counted.


def test_at_the_limit_the_next_is_refused_with_count_limit_and_group():
    env = make_env()
    bind(limit=3)
    assert kinds(env, range(3)) == [Started] * 3
    refused = send(env, "more")
    assert isinstance(refused, Throttled)
    assert refused.code == "throttled_event_backlog"
    assert all(word in refused.message for word in ("3 or more", "limit is 3", "'order.created' -> 'greet'"))
    assert Instance.objects.count() == 3


def test_an_event_that_was_submitted_before_is_found_however_large_the_backlog():
    env = make_env()
    bind(limit=2)
    first = send(env, "first")
    send(env, "second")
    fill(env, 10_000)
    again = send(env, "first")
    assert isinstance(again, Existing)
    assert again.instance.id == first.instance.id
    assert isinstance(send(env, "new"), Throttled)


def fill(env, count, **columns) -> None:
    make_instances("greet", [None] * count, org_id=env.org_id, env_id=env.id, event_type="order.created", **columns)


def test_only_live_instances_of_the_same_group_within_the_window_count():
    env, other = make_env(), make_env("other")
    bind(limit=3, window_seconds=600)
    fill(other, 5)
    fill(env, 5, status=Status.PAUSED.value)
    fill(env, 5, status=Status.COMPLETED.value, finished_at=timezone.now())
    old = timezone.now() - timedelta(seconds=900)
    fill(env, 5)
    Instance.objects.filter(env=env, status=Status.PENDING).update(created_at=old)
    submission.submit(request(env))
    assert kinds(env, range(4)) == [Started] * 3 + [Throttled]


def test_two_types_of_event_and_two_definitions_are_counted_apart():
    env = make_env()
    bind("order.*", limit=1)
    assert isinstance(send(env, 1, "order.created"), Started)
    assert isinstance(send(env, 2, "order.paid"), Started)
    assert isinstance(send(env, 3, "order.paid"), Throttled)


@pytest.mark.parametrize("limit", [0, -1])
def test_without_a_limit_nothing_is_asked(limit):
    env = make_env()
    bind(limit=limit)
    fill(env, 60)
    with traced() as sent:
        assert isinstance(send(env, "one"), Started)
    assert len([each for each in sent if "pg_notify" not in each]) == 1
    assert Storm.objects.count() == 0


def test_what_is_no_event_is_not_damped():
    env = make_env()
    bind(limit=1)
    send(env, 1)
    assert [type(submission.submit(request(env))) for _ in range(3)] == [Started] * 3


def test_an_ended_instance_makes_room():
    env = make_env()
    bind(limit=4)
    ids = started(env, 4)
    finish(ids[0])
    assert isinstance(send(env, "more"), Started)


def test_the_count_reads_the_index_of_live_instances_also_in_a_plan_for_any_values():
    env = make_env()
    bind(limit=3)
    fill(env, 300)
    types = {"org_id": "uuid", "env_id": "uuid", "definition": "text", "event_type": "text", "limit": "bigint"}
    types |= {"window_seconds": "double precision", "id": "uuid"}
    statement = damper.LOOK
    for number, name in enumerate(types, 1):
        statement = statement.replace(f"%({name})s", f"${number}")
    given = [env.org_id, env.id, "greet", "order.created", 3, 600, env.id]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE workflows_instance")
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE look ({', '.join(types.values())}) AS {statement}")
        cursor.execute("EXPLAIN EXECUTE look (%s, %s, %s, %s, %s, %s, %s)", given)
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("DEALLOCATE look")
        cursor.execute("RESET plan_cache_mode")
    assert "instance_event_backlog" in plan
    assert "Seq Scan on workflows_instance" not in plan


# The buffer's part.


def test_what_is_buffered_counts_and_what_is_drained_is_not_counted_twice():
    env = make_env("acme", "production", **ON)
    bind(limit=5)
    assert kinds(env, range(6)) == [Started] + [Buffered] * 4 + [Throttled]
    assert draining.drain() == 4
    assert Instance.objects.count() == 5
    Storm.objects.update(closed_at=timezone.now())
    finish(*Instance.objects.values_list("id", flat=True)[:2])
    assert kinds(env, ["a", "b", "c"]) == [Buffered] * 2 + [Throttled]


def test_an_entry_that_is_a_row_already_counts_once():
    env = make_env("acme", "production", **ON)
    bind(limit=5)
    kinds(env, range(4))
    claimed = draining.claim()
    draining.write(claimed.entries)
    ready = ready_of(env)
    assert damper.look(ready).size == 4
    assert isinstance(send(env, "fifth"), Buffered)
    assert isinstance(send(env, "sixth"), Throttled)
    draining.settle(claimed)
    assert damper.look(ready).size == 5


def test_what_becomes_a_row_between_two_looks_at_the_rows_is_not_taken_for_room(monkeypatch):
    env = make_env("acme", "production", **ON)
    bind(limit=5)
    assert kinds(env, range(5)) == [Started] + [Buffered] * 4
    waiting = list(draining.claim().entries)
    execute = damper.eventlog.execute

    def drained_meanwhile(statement, parameters):
        if statement == damper.WHICH:
            draining.write([waiting.pop() for _ in range(2) if waiting])
        return execute(statement, parameters)

    monkeypatch.setattr(damper.eventlog, "execute", drained_meanwhile)
    assert isinstance(send(env, "sixth"), Throttled)
    assert len(waiting) < 4, "it looked twice"


def test_a_storm_tells_no_larger_backlog_than_is_certain():
    env = make_env("acme", "production", **ON)
    bind(limit=5)
    kinds(env, range(5))
    draining.write(draining.claim().entries)
    refused = send(env, "sixth")
    assert isinstance(refused, Throttled)
    assert "5 or more instances" in refused.message, "four of them are rows and entries"
    assert Storm.objects.get().peak == 5


def test_more_than_a_limit_that_was_lowered_is_told_as_it_is():
    env = make_env("acme", "production", **ON)
    binding = bind(limit=9)
    kinds(env, range(9))
    binding.limit = 4
    binding.save()
    refresher.refresh()
    assert isinstance(send(env, "tenth"), Throttled)
    assert Storm.objects.get().peak == 8, "what is buffered; the one row may be one of it"


def test_a_buffered_event_is_found_again():
    env = make_env("acme", "production", **ON)
    bind(limit=2)
    send(env, "first")
    waiting = send(env, "second")
    again = send(env, "second")
    assert isinstance(again, Existing)
    assert again.instance.id == waiting.instance.id
    assert again.instance.status == "buffered"


def test_a_paused_entry_and_a_cancelled_one_count_until_they_are_drained():
    env = make_env("acme", "production", **ON)
    bind(limit=2)
    send(env, "first")
    waiting = send(env, "second").instance.id
    control.cancel(seen(env), waiting, "no", actor="ada")
    assert isinstance(send(env, "third"), Throttled)
    draining.drain()
    Storm.objects.update(closed_at=timezone.now())
    assert isinstance(send(env, "third"), Buffered)


@pytest.mark.usefixtures("no_redis")
def test_without_redis_rows_alone_are_counted_and_that_is_known():
    env = make_env("acme", "production", **ON)
    bind(limit=2)
    outcomes = [send(env, key) for key in range(3)]
    assert [type(each) for each in outcomes] == [Started, Started, Throttled]
    assert outcomes[0].fail_open
    assert damper.look(ready_of(env)).buffered is None


def test_without_the_database_nothing_is_started_or_buffered(outage):
    env = make_env("acme", "production", **{**ON, "limit": 100})
    bind(limit=2)
    ready_of(env)
    outage.begin()
    assert isinstance(send(env, "one"), Unavailable)
    outage.end()
    assert buffer.newest(lookup.scope_of(seen(env)), None, 10) == []
    assert isinstance(send(env, "one"), Started)


def test_inside_a_transaction_of_the_caller_it_refuses_to_count():
    env = make_env()
    bind(limit=2)
    with pytest.raises(RuntimeError), transaction.atomic():
        send(env, "one")
    assert Instance.objects.count() == 0


# Many at once.


def test_sixty_four_at_once_start_no_more_than_the_limit():
    env = make_env()
    bind(limit=10)
    barrier = threading.Barrier(16)

    def work(worker):
        barrier.wait(30)
        try:
            return [type(send(env, f"{worker}-{number}")) for number in range(4)]
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        found = Counter(kind for each in pool.map(work, range(16)) for kind in each)
    assert found == {Started: 10, Throttled: 54}
    assert Instance.objects.count() == 10
    assert Storm.objects.get().suppressed == 54


# Storms.


def test_a_storm_opens_with_the_first_refusal_and_holds_until_half_the_limit():
    env = make_env()
    bind(limit=4)
    ids = started(env, 4)
    assert Storm.objects.count() == 0
    assert kinds(env, ["a", "b"]) == [Throttled] * 2
    storm = Storm.objects.get()
    assert (storm.suppressed, storm.peak, storm.closed_at) == (2, 4, None)
    finish(*ids[:2])
    refused = send(env, "c")
    assert isinstance(refused, Throttled)
    assert "storm is open" in refused.message
    finish(ids[2])
    assert isinstance(send(env, "d"), Started)
    storm.refresh_from_db()
    assert (storm.suppressed, storm.closed_by) == (3, damper.SUBMITTER)


def test_an_open_storms_backlog_is_counted_without_the_window():
    env = make_env()
    bind(limit=4, window_seconds=60)
    started(env, 4)
    assert isinstance(send(env, "a"), Throttled)
    Instance.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert isinstance(send(env, "b"), Throttled)
    Storm.objects.update(closed_at=timezone.now())
    assert isinstance(send(env, "c"), Started)


def test_the_sweep_closes_what_is_calm_and_nothing_else():
    env = make_env()
    bind("order.*", limit=4)
    ids = started(env, 4)
    for number in range(4):
        send(env, f"paid-{number}", "order.paid")
    assert [type(send(env, "a")), type(send(env, "b", "order.paid"))] == [Throttled] * 2
    assert damper.sweep() == 0
    finish(*ids[:3])
    assert damper.sweep() == 1
    assert Storm.objects.get(closed_at=None).event_type == "order.paid"
    assert damper.sweep() == 0


def test_what_is_suppressed_is_kept_up_to_the_latest(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "STORM_KEPT": 3}
    env = make_env()
    bind(limit=1)
    kinds(env, range(6))
    storm = Storm.objects.get()
    assert storm.suppressed == 5
    assert [each.trigger.event_key for each in storms.list_kept(storm.id, 10)] == ["3", "4", "5"]
    assert SuppressedTrigger.objects.count() == 3
