"""Reads of the operator pages, on real servers."""

import threading
import time
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from uuid_utils.compat import uuid7

from dashboard import queries
from dashboard.growth import Growth
from dashboard.verdict import Level
from launch import process
from mollifier import buffer, client, fairness, gate, keys, stats
from mollifier.decision import Arrival, Passed, PassThrough, Reason
from tests import stock, tenants
from workflows.intake import lookup, refresher

pytestmark = pytest.mark.django_db


def test_an_empty_service_has_an_empty_snapshot() -> None:
    taken = queries.take()
    assert taken.flow.available
    assert (taken.flow.buffered, taken.orgs, taken.shards, taken.seconds_to_empty) == (0, (), (), None)
    assert [total for _, total in taken.unfinished] == [0, 0, 0, 0]


def test_orgs_are_listed_by_depth_with_their_names_and_modes() -> None:
    small = tenants.make_env("small", mode="on", limit=1)
    large = tenants.make_env("large", mode="on", limit=1)
    stock.mollify(small, 2)
    stock.mollify(large, 5)
    first, second = queries.take().orgs
    assert (first.name, first.queued, first.share, first.mode) == ("large", 5, 100, "on")
    assert (second.name, second.queued, second.share) == ("small", 2, 40)


def test_a_count_that_redis_did_not_tell_is_no_news_when_it_does(settings, monkeypatch) -> None:
    monkeypatch.setattr(queries, "failed_open", Growth(60))
    client.call(("HINCRBY", keys.key("counters"), "gate:passed:fail_open", 500))
    flow, reachable = stats.Overview(available=True), settings.CACHES
    queries.vital_signs(flow, datetime.now(UTC))
    gone = {**reachable["buffer"], "LOCATION": f"redis://127.0.0.1:{process.free_port()}/0"}
    settings.CACHES = {**reachable, "buffer": gone}
    assert queries.vital_signs(flow, datetime.now(UTC)).failed_open == 0
    settings.CACHES = reachable
    assert queries.vital_signs(flow, datetime.now(UTC)).failed_open == 0


def test_what_enters_shows_in_the_beats() -> None:
    environment = tenants.make_env(mode="on", limit=1)
    stock.mollify(environment, 3)
    taken = queries.take()
    assert taken.flow.buffered == 3
    assert len(taken.beats) == queries.SERIES_SECONDS // queries.SERIES_STEP_SECONDS


def test_what_waits_because_its_org_is_paused_is_no_trouble() -> None:
    env = tenants.seen(tenants.make_env(mode="on"))
    hour_ago = (time.time() - 3_600) * 1_000
    rollout = refresher.current().rollout(env.org.id, env.id)
    arrival = Arrival(id=uuid7(), scope=lookup.scope_of(env), rollout=rollout, snapshot=b"x")
    gate.admit(arrival, now_ms=hour_ago, force=Reason.DATABASE_UNAVAILABLE)
    assert queries.take().verdict.level is Level.FAILING
    fairness.set_share(str(env.org.id), fairness.Share(paused=True))
    assert queries.take().verdict.findings[0].cause == "1 buffered and draining"
    # It is met, and put aside.
    assert not buffer.claim("t", 1, 60_000).entries
    taken = queries.take()
    assert (taken.flow.buffered, taken.verdict.findings[0].cause) == (
        1,
        "1 buffered; 1 stands aside, paused or at a cap",
    )
    assert taken.verdict.findings[0].level is Level.OK
    assert "Nobody drains" not in taken.verdict.findings[2].cause


def test_a_snapshot_costs_four_queries_whatever_it_shows() -> None:
    for name in ("a", "b", "c"):
        stock.mollify(tenants.make_env(name, mode="on", limit=1), 1)
    with CaptureQueriesContext(connection) as captured:
        queries.take()
    assert len(captured) == 4


def test_viewers_share_one_snapshot_until_it_is_a_second_old() -> None:
    shared = queries.Shared()
    first = shared.get()
    assert shared.get() is first
    shared.forget()
    assert shared.get() is not first


def test_viewers_who_come_at_once_wait_for_one_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = []
    arrived = threading.Barrier(5)
    monkeypatch.setattr(queries, "take", lambda: readings.append(1) or queries.Snapshot)
    shared = queries.Shared()

    def look() -> None:
        arrived.wait(5)
        shared.get()

    viewers = [threading.Thread(target=look) for _ in range(5)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join(5)
    assert len(readings) == 1


def test_entries_are_listed_oldest_first_with_their_tenants() -> None:
    acme = tenants.make_env("acme", mode="on", limit=1)
    other = tenants.make_env("other", mode="on", limit=1)
    waiting = stock.mollify(acme, 2) + stock.mollify(other, 1)
    lines = queries.read_entries()
    assert [line.id for line in lines] == waiting
    assert (lines[0].org, lines[0].env, lines[0].definition, lines[0].state) == (
        "acme",
        "production",
        "greet",
        "queued",
    )
    assert [line.org for line in queries.read_entries(str(other.org_id))] == ["other"]


def test_a_snapshot_that_this_process_cannot_read_is_shown_as_unreadable() -> None:
    env = tenants.seen(tenants.make_env(mode="on", limit=1))
    rollout = refresher.current().rollout(env.org.id, env.id)
    for _ in range(2):
        gate.admit(Arrival(id=uuid7(), scope=lookup.scope_of(env), rollout=rollout, snapshot=b"\xff\x00"))
    assert [line.definition for line in queries.read_entries()] == ["unreadable"]


def test_triggers_that_passed_without_an_answer_are_reported(settings) -> None:
    env = tenants.seen(tenants.make_env(mode="on"))
    rollout = refresher.current().rollout(env.org.id, env.id)
    arrival = Arrival(id=uuid7(), scope=lookup.scope_of(env), rollout=rollout, snapshot=b"x")
    assert queries.take().verdict.level != Level.DEGRADED
    reachable = settings.CACHES
    settings.CACHES = {**reachable, "gate": {**reachable["gate"], "LOCATION": "redis://127.0.0.1:1/0?client_name=away"}}
    assert gate.admit(arrival) == PassThrough(Passed.FAIL_OPEN)
    settings.CACHES = reachable
    gate.breaker.succeeded()
    gate.admit(arrival)
    flow = queries.take().verdict.findings[0]
    assert (flow.level, "failed open for 1" in flow.cause) == (Level.DEGRADED, True)
