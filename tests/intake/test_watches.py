"""Conditions are told of once when they begin and once when they have ended."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from django.db import connection

from mollifier import conf as mollifier_conf
from mollifier import keys, sweep, telemetry
from mollifier.client import patient
from tests import receivers
from tests.intake.test_kill import accept
from tests.nowhere import no_redis
from tests.outside import Outside
from tests.tenants import make_env
from workflows import schedules
from workflows.intake import watches
from workflows.models import Delivery

__all__ = ["no_redis"]
pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _told(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}
    receivers.make(Outside(port=1))
    watches.look(NOON - timedelta(minutes=1))


def look(minutes, name="gate"):
    return watches.look(NOON + timedelta(minutes=minutes))[name]


def fail_open(count):
    """Let so many triggers pass without an answer, as a process counts them."""
    telemetry.gate.failed_open(count)
    telemetry.gate.flush()


def told():
    rows = Delivery.objects.order_by("created_at").values_list("body", flat=True)
    return [(body["type"], body["data"]) for body in map(msgspec.json.decode, rows)]


def test_a_gate_that_fails_open_is_told_of_once_and_again_when_it_was_quiet_for_long():
    assert look(0) == "is well"
    fail_open(3)
    assert look(1) == "begins"
    fail_open(2)
    assert [look(2), look(3), look(4), look(5)] == ["goes on", "fades", "fades", "ends"]
    assert look(6) == "is well"
    assert told() == [
        ("gate.tripped", {"began_at": "2026-11-21T12:01:00Z", "failed_open": 3, "redis": "ok"}),
        (
            "gate.recovered",
            {
                "began_at": "2026-11-21T12:01:00Z",
                "last_seen_at": "2026-11-21T12:02:00Z",
                "ended_at": "2026-11-21T12:05:00Z",
                "failed_open": 5,
            },
        ),
    ]


def test_what_flickers_is_one_incident():
    came = []
    for minute in range(8):
        if minute % 2:
            fail_open(1)
        came.append(look(minute))
    assert came == ["is well", "begins", *["fades", "goes on"] * 3]
    assert [type_ for type_, _ in told()] == ["gate.tripped"]


def test_what_failed_open_before_anybody_looked_is_not_news(settings):
    from workflows.models import Watch

    Watch.objects.all().delete()
    fail_open(9)
    assert look(0) == "is well"


def test_fewer_than_the_settings_ask_for_begin_nothing_but_count(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "WATCH_FAILED_OPEN": 10}
    fail_open(9)
    assert look(0) == "is well"
    fail_open(10)
    assert look(1) == "begins"
    fail_open(4)
    assert look(5) == "ends"
    assert told()[1][1]["failed_open"] == 14


def test_counters_that_began_anew_are_counted_from_nothing():
    fail_open(5)
    look(0)
    patient().delete(keys.key("counters"))
    fail_open(2)
    assert look(1) == "goes on"
    assert look(9) == "ends"
    assert told()[1][1]["failed_open"] == 7


def test_while_redis_is_away_the_gate_is_tripped_and_of_the_buffer_nobody_knows(no_redis):
    assert watches.look(NOON) == {"gate": "begins", "buffer": "unknown"}
    assert watches.look(NOON + timedelta(minutes=9)) == {"gate": "goes on", "buffer": "unknown"}
    assert told() == [
        ("gate.tripped", {"began_at": "2026-11-21T12:00:00Z", "failed_open": 0, "redis": "unavailable"}),
    ]


def test_stale_entries_are_told_of_and_so_is_their_end():
    accept(make_env(), 3)
    settings, later = mollifier_conf.current(), datetime.now(UTC).timestamp() * 1000 + 3_600_000
    assert look(0, "buffer") == "is well"
    sweep.run(settings, now_ms=later)
    assert [look(1, "buffer"), look(2, "buffer")] == ["begins", "goes on"]
    patient().flushdb()
    assert [look(3, "buffer"), look(5, "buffer")] == ["fades", "ends"]
    (began, data), (ended, last) = told()
    assert (began, ended) == ("buffer.stale", "buffer.recovered")
    assert (data["stale"], data["queued"], data["stale_after_seconds"]) == (3, 3, 300)
    assert data["oldest_age_seconds"] >= 0
    assert last == {
        "began_at": "2026-11-21T12:01:00Z",
        "last_seen_at": "2026-11-21T12:02:00Z",
        "ended_at": "2026-11-21T12:05:00Z",
        "stale": 3,
    }


@pytest.mark.django_db(transaction=True)
def test_many_who_look_at_once_tell_once():
    fail_open(4)
    barrier = threading.Barrier(4)

    def work(_):
        barrier.wait(30)
        try:
            return look(0)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        came = list(pool.map(work, range(4)))
    assert came.count("begins") == 1
    assert len(told()) == 1


def test_the_cluster_looks_each_minute():
    assert schedules.EVERY_MINUTES["workflows.intake.watches.look"] == 1
