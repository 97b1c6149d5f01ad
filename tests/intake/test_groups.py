"""The live backlog of a group: counted in both stores, each instance once, in one exchange and one statement."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from mollifier import buffer
from tests.bound import bind
from tests.exchanges import traced
from tests.intake import draining, floods
from tests.tenants import make_env
from workflows import storms
from workflows.intake import groups, refresher
from workflows.intake.submission import Buffered, Started, Throttled
from workflows.models import Instance, Storm

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_count_reads_the_index_of_live_instances_also_in_a_plan_for_any_values():
    env = make_env()
    bind(limit=3)
    floods.fill(env, 300)
    types = {"org_id": "uuid", "env_id": "uuid", "definition": "text", "event_type": "text", "limit": "bigint"}
    types |= {"window_seconds": "double precision", "ids": "uuid[]"}
    statement = groups.LOOK
    for number, name in enumerate(types, 1):
        statement = statement.replace(f"%({name})s", f"${number}")
    given = [env.org_id, env.id, "greet", "order.created", 3, 600, [env.id]]
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


def test_an_entry_that_is_a_row_already_counts_once():
    env = make_env("acme", "production", **floods.ON)
    bind(limit=5)
    floods.kinds(env, range(4))
    claimed = draining.claim()
    draining.write(claimed.entries)
    ready = floods.ready_of(env)
    assert groups.count(ready).size == 4
    assert isinstance(floods.send(env, "fifth"), Buffered)
    assert isinstance(floods.send(env, "sixth"), Throttled)
    draining.settle(claimed)
    assert groups.count(ready).size == 5


def test_what_becomes_a_row_between_two_looks_at_the_rows_is_not_taken_for_room(monkeypatch):
    env = make_env("acme", "production", **floods.ON)
    bind(limit=5)
    assert floods.kinds(env, range(5)) == [Started] + [Buffered] * 4
    waiting = list(draining.claim().entries)
    execute = groups.eventlog.execute

    def drained_meanwhile(statement, parameters):
        if statement == groups.WHICH:
            draining.write([waiting.pop() for _ in range(2) if waiting])
        return execute(statement, parameters)

    monkeypatch.setattr(groups.eventlog, "execute", drained_meanwhile)
    assert isinstance(floods.send(env, "sixth"), Throttled)
    assert len(waiting) < 4, "it looked twice"


@pytest.mark.parametrize("looks", [[groups.LOOK], [groups.WHICH], [groups.LOOK, groups.WHICH]])
def test_what_is_drained_between_two_looks_is_not_taken_for_two(monkeypatch, looks):
    env = make_env("acme", "production", **floods.ON)
    bind(limit=7)
    assert floods.kinds(env, range(6)) == [Started] + [Buffered] * 5
    claims = [buffer.claim(f"drainer {number}", 1, draining.LEASE_MS) for number in range(4)]
    draining.write(claims[0].entries)
    execute = groups.eventlog.execute

    def drained_meanwhile(statement, parameters):
        if statement in looks and claims:
            claimed = claims.pop(0)
            draining.write(claimed.entries)
            draining.settle(claimed)
        return execute(statement, parameters)

    monkeypatch.setattr(groups.eventlog, "execute", drained_meanwhile)
    assert not isinstance(floods.send(env, "seventh"), Throttled)
    assert len(claims) < 4
    assert isinstance(floods.send(env, "eighth"), Throttled)


@pytest.mark.usefixtures("no_redis")
def test_without_redis_rows_alone_are_counted_and_that_is_known():
    env = make_env("acme", "production", **floods.ON)
    bind(limit=2)
    outcomes = [floods.send(env, key) for key in range(3)]
    assert [type(each) for each in outcomes] == [Started, Started, Throttled]
    assert outcomes[0].fail_open
    assert groups.look(floods.ready_of(env)).buffered is None


def test_an_open_storms_backlog_is_counted_without_the_window():
    env = make_env()
    bind(limit=4, window_seconds=60)
    floods.started(env, 4)
    assert isinstance(floods.send(env, "a"), Throttled)
    Instance.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert isinstance(floods.send(env, "b"), Throttled)
    Storm.objects.update(closed_at=timezone.now())
    assert isinstance(floods.send(env, "c"), Started)


def test_a_refusal_in_an_open_storm_is_one_statement_that_does_not_wait_for_the_disk():
    env = make_env()
    binding = bind(limit=2)
    floods.kinds(env, range(4))
    binding.limit = 4
    binding.save()
    refresher.refresh()
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = 'on'")
    with traced() as sent:
        refused = [floods.send(env, key) for key in ("e", "f")]
    assert [each.code for each in refused] == ["throttled_event_backlog"] * 2
    assert len(sent) == 2
    storm = Storm.objects.get()
    assert (storm.suppressed, storm.peak, storm.looping) == (4, 2, 0)
    assert [each.trigger.event_key for each in storms.list_kept(storm.id, 10)] == ["2", "3", "e", "f"]
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",), "what else this connection commits is durable"
        cursor.execute("RESET synchronous_commit")


def test_inside_a_storm_a_known_event_is_found_and_a_closed_storm_counts_nothing():
    env = make_env()
    bind(limit=2)
    first, _ = floods.started(env, 2)
    floods.kinds(env, ["a", "b"])
    assert floods.send(env, "early-0").instance.id == first
    Storm.objects.update(closed_at=timezone.now())
    floods.finish(first)
    assert isinstance(floods.send(env, "c"), Started)
    assert Storm.objects.get().suppressed == 2
