"""Events of one group that meet are let in together: one lock, one look, one transaction, each its own answer."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import connection, transaction
from msgspec import structs

from tests import waiting
from tests.bound import bind
from tests.exchanges import traced
from tests.intake import draining, floods
from tests.tenants import make_env
from workflows import engine
from workflows.intake import admission, damper
from workflows.intake.isolation import Failed
from workflows.intake.submission import Throttled
from workflows.models import Instance, Storm, SuppressedTrigger

pytestmark = pytest.mark.django_db(transaction=True)


def answers(taken):
    return Counter(type(each.answer).__name__ if each.start is None else type(each.start).__name__ for each in taken)


def readies(env, count):
    return [floods.ready_of(env, f"e-{number}") for number in range(count)]


def test_many_are_started_in_the_statements_of_a_few_and_no_more_than_there_is_room():
    env = make_env()
    bind(limit=5)
    floods.started(env, 2)
    with traced() as sent:
        taken = admission._let_in_each(readies(env, 20))
    assert answers(taken) == {"Started": 3, "Refused": 17}
    assert [type(each.start) for each in taken[:3]] == [engine.Started] * 3, "the first who came"
    assert len(sent) < 9
    assert Instance.objects.count() == 5
    assert floods.kinds(env, ["more"]) == [Throttled]


def test_what_is_buffered_and_what_is_started_share_the_room():
    env = make_env("acme", "production", **floods.ON)
    bind(limit=5)
    taken = admission._let_in_each(readies(env, 8))
    assert answers(taken) == {"Started": 1, "Mollify": 4, "Refused": 3}
    assert draining.drain() == 4
    assert Instance.objects.count() == 5


def test_the_same_event_twice_is_let_in_once_and_one_that_was_there_takes_no_room():
    env = make_env()
    bind(limit=3)
    floods.send(env, "early")
    one, other = readies(env, 2)
    waiting = [one, floods.ready_of(env, "early"), one, other]
    with traced() as sent:
        taken = admission._let_in_each(waiting)
    assert sum(each.startswith("Query") and "BEGIN" in each for each in sent) <= 1, "all at the first try"
    assert [type(each.answer) for each in taken[1:3]] == [damper.Known] * 2
    assert [type(each.start) for each in (taken[0], taken[3])] == [engine.Started] * 2
    assert Instance.objects.count() == 3


def test_one_that_the_database_refuses_fails_alone():
    env = make_env()
    bind(limit=9)
    waiting = readies(env, 4)
    waiting[2] = replace(waiting[2], trigger=structs.replace(waiting[2].trigger, event_key="a\0b"))
    taken = admission._let_in_each(waiting)
    assert [isinstance(each, Failed) for each in taken] == [False, False, True, False]
    assert Instance.objects.count() == 3


def test_who_is_asked_for_again_is_found_in_the_buffer():
    env = make_env("acme", "production", **floods.ON)
    bind(limit=5)
    waiting = readies(env, 3)
    assert answers(admission._let_in_each(waiting)) == {"Started": 1, "Mollify": 2}
    assert answers(admission._let_in_each(waiting)) == {"Known": 3}


def test_entries_that_are_rows_already_take_no_room_from_those_who_come_together():
    env = make_env("acme", "production", **floods.ON)
    bind(limit=12)
    floods.kinds(env, range(5))
    claimed = draining.claim()
    draining.write(claimed.entries)
    taken = admission._let_in_each(readies(env, 8))
    assert answers(taken) == {"Mollify": 7, "Refused": 1}
    draining.settle(claimed)
    assert draining.drain() == 7
    assert Instance.objects.count() == 12


def test_many_are_refused_in_an_open_storm_by_one_look_that_counts_and_keeps_each(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "STORM_KEPT": 4}
    env = make_env()
    bind(limit=2)
    ids = floods.started(env, 2)
    assert floods.kinds(env, ["a", "b"]) == [Throttled] * 2
    given = [floods.ready_of(env, "early-0"), *readies(env, 6)]
    with traced() as sent:
        known, *refused = admission._refuse_each(given)
    assert known == damper.Known(ids[0])
    assert [(type(each), each.counted) for each in refused] == [(damper.Refused, True)] * 6
    assert len(sent) == 1
    assert Storm.objects.get().suppressed == 8
    kept = SuppressedTrigger.objects.order_by("number").values_list("number", "slot", "event_key", "trigger_id")
    assert list(kept) == [
        (number, (number - 1) % 4, f"e-{number - 3}", given[number - 2].trigger.id) for number in (5, 6, 7, 8)
    ]


def test_those_who_come_during_a_look_are_refused_with_the_next():
    env = make_env()
    bind(limit=1)
    floods.started(env, 1)
    floods.kinds(env, ["first", "second"])

    def work(number):
        try:
            return type(floods.send(env, number))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        with transaction.atomic():
            Storm.objects.select_for_update().get()
            sent = [pool.submit(work, number) for number in range(8)]
            waiting.until(lambda: sum(each.present for each in admission._refused._meetings.values()) == 8)
        assert [each.result(30) for each in sent] == [Throttled] * 8
    storm = Storm.objects.get()
    assert storm.suppressed == 10
    numbers = SuppressedTrigger.objects.filter(storm=storm).order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, 11))
    assert len(set(SuppressedTrigger.objects.values_list("at", flat=True))) == 4, (
        "two single ones, a look, and the next"
    )
