"""The rows of storms: opened once, counted, closed once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests import receivers
from tests.exchanges import traced
from tests.outside import Outside
from tests.tenants import make_env, trigger
from workflows import storms
from workflows.models import Delivery, Storm, SuppressedTrigger

pytestmark = pytest.mark.django_db


def suppressed(env, key="k", **fields):
    return trigger(env, **({"event_type": "order.created", "event_key": key} | fields))


def test_the_first_that_is_suppressed_opens_a_storm_and_the_next_are_counted():
    env = make_env()
    first = suppressed(env)
    ids = [storms.suppress([first], limit=4, backlog=4), storms.suppress([suppressed(env, "l")], limit=4, backlog=9)]
    storm = Storm.objects.get()
    assert ids == [storm.id] * 2
    assert (storm.suppressed, storm.peak, storm.limit, storm.looping) == (2, 9, 4, 0)
    assert [(each.number, each.trigger.event_key) for each in storms.list_kept(storm.id, 10)] == [(1, "k"), (2, "l")]
    assert storms.list_kept(storm.id, 10)[0].trigger == first


def test_one_that_is_on_its_own_chain_is_told_apart():
    env = make_env()
    storms.suppress([suppressed(env, chain=("greet", "other"))], limit=1, backlog=1)
    assert Storm.objects.get().looping == 1


def test_each_group_has_a_storm_of_its_own_and_a_closed_one_is_followed_by_another():
    env = make_env()
    one = storms.suppress([suppressed(env)], limit=1, backlog=1)
    other = storms.suppress([suppressed(env, event_type="order.paid")], limit=1, backlog=1)
    assert one != other
    assert storms.close(one, "ada")
    assert not storms.close(one, "someone else")
    assert Storm.objects.get(id=one).closed_by == "ada"
    assert [each.id for each in storms.list_open(10)] == [other]
    assert storms.suppress([suppressed(env)], limit=1, backlog=1) not in (one, other)


def test_what_a_storm_refused_is_counted_in_it_though_it_closed_meanwhile_and_opens_no_other():
    env = make_env()
    storm = storms.suppress([suppressed(env)], limit=1, backlog=1)
    storms.close(storm, "ada")
    assert storms.suppress([suppressed(env, "l")], limit=1, backlog=1, storm=storm) == storm
    closed = Storm.objects.get()
    assert (closed.suppressed, closed.closed_by) == (2, "ada")


def test_it_is_calm_under_half_of_the_limit():
    assert [storms.is_calm(backlog, 5) for backlog in range(4)] == [True, True, True, False]
    assert [storms.is_calm(backlog, 1) for backlog in range(2)] == [True, False]


def test_what_was_replayed_is_not_listed_again():
    env = make_env()
    for key in "abc":
        storm = storms.suppress([suppressed(env, key)], limit=1, backlog=1)
    storms.mark_replayed(storm, 2)
    assert [each.number for each in storms.list_kept(storm, 10)] == [1, 3]
    assert [each.number for each in storms.list_kept(storm, 1)] == [1]
    assert storms.count_kept(storm) == 2


def test_kept_triggers_of_storms_long_closed_are_deleted_in_parts():
    env = make_env()
    for key in "abc":
        old = storms.suppress([suppressed(env, key)], limit=1, backlog=1)
    Storm.objects.filter(id=old).update(closed_at=timezone.now() - timedelta(days=31))
    storms.suppress([suppressed(env, "d")], limit=1, backlog=1)
    assert [storms.forget(30, 2), storms.forget(30, 2), storms.forget(30, 2)] == [2, 1, 0]
    assert SuppressedTrigger.objects.get().event_key == "d"
    assert Storm.objects.get(id=old).suppressed == 3


@pytest.mark.django_db(transaction=True)
def test_many_at_once_open_one_storm_and_none_is_lost():
    env = make_env()
    barrier = threading.Barrier(8)

    def work(worker):
        barrier.wait(30)
        try:
            return {storms.suppress([suppressed(env, f"{worker}-{n}")], limit=1, backlog=1) for n in range(10)}
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        ids = set().union(*pool.map(work, range(8)))
    storm = Storm.objects.get()
    assert (ids, storm.suppressed, storms.count_kept(storm.id)) == ({storm.id}, 80, 80)


def told():
    rows = Delivery.objects.order_by("created_at").values_list("body", flat=True)
    return [(body["type"], body["data"]) for body in map(msgspec.json.decode, rows)]


def test_who_asked_is_told_when_it_opens_and_when_it_closes(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}
    env = make_env()
    receivers.make(Outside(port=1), env.org_id)
    for key in "abc":
        storm = storms.suppress([suppressed(env, key)], limit=4, backlog=4)
    assert [type_ for type_, _ in told()] == ["storm.opened"]
    assert storms.close(storm, "ada")
    assert not storms.close(storm, "sweep")
    (_, opened), (closing, closed) = told()
    assert closing == "storm.closed"
    assert (opened["storm_id"], opened["org"], opened["env"]) == (storm, "acme", "production")
    assert (closed["suppressed"], closed["closed_by"]) == (3, "ada")


@pytest.mark.django_db(transaction=True)
def test_many_at_once_tell_of_one_opening(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}
    env = make_env()
    receivers.make(Outside(port=1), env.org_id)
    barrier = threading.Barrier(8)

    def work(worker):
        barrier.wait(30)
        try:
            return storms.suppress([suppressed(env, f"{worker}")], limit=1, backlog=1)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(work, range(8)))) == 1
    assert [type_ for type_, _ in told()] == ["storm.opened"]
    assert Storm.objects.get().suppressed == 8


def test_one_that_is_told_of_in_vain_is_opened_all_the_same():
    storms.suppress([suppressed(make_env())], limit=1, backlog=1)
    assert not Delivery.objects.exists()


def test_a_refusal_while_it_is_open_is_one_statement():
    env = make_env()
    storms.suppress([suppressed(env, "a")], limit=1, backlog=1)
    with traced() as sent:
        storms.suppress([suppressed(env, "b")], limit=1, backlog=1)
    assert len(sent) == 1
    assert Storm.objects.get().suppressed == 2


@pytest.mark.django_db(transaction=True)
def test_one_that_is_counted_again_does_not_wait_for_the_disk_and_one_that_opens_does():
    env = make_env()
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = 'on'")
        for key, wanted in (("opens", "on"), ("again", "off")):
            with transaction.atomic():
                storms.suppress([suppressed(env, key)], limit=1, backlog=1)
                cursor.execute("SHOW synchronous_commit")
                assert cursor.fetchone() == (wanted,)
        cursor.execute("RESET synchronous_commit")
