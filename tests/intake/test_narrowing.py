"""A search finds the same rows by SQL as by asking each instance, and the same of what is buffered."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from tests import stock
from tests.tenants import make_env, seen
from tests.workflows.making import make_instances
from workflows import search
from workflows.intake import lookup, narrowing, refresher
from workflows.intake.lookup import Filters
from workflows.intake.narrowing import SearchTooWide
from workflows.models import Instance
from workflows.search import SearchInvalid

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


def resolve(text, *, everywhere=True):
    return narrowing.resolve(search.parse(text), refresher.current().envs.values(), NOW, everywhere=everywhere)


def found(text) -> set[str]:
    """Return the first tags of the rows that SQL finds, having checked that asking each one finds the same."""
    narrowed = resolve(text)
    condition, values = narrowing.where(narrowed)
    rows = list(Instance.objects.raw(f"SELECT i.* FROM workflows_instance i WHERE {condition}", values))
    asked = set()
    for env in refresher.current().envs.values():
        ids = list(Instance.objects.filter(env_id=env.id).values_list("id", flat=True))
        views = lookup.find_rows(env, ids).values()
        asked |= {each.tags[0] for each in views if narrowing.admits(narrowed, each)}
    assert {row.tags[0] for row in rows} == asked
    return asked


@pytest.fixture
def rows():
    acme, staging, beta = make_env(), make_env(env="staging"), make_env("beta")
    old = NOW - timedelta(hours=2)
    stock.make_instance(acme, tags=["a"], status="failed", finished_at=NOW, accepted_at=old, shard=1)
    stock.make_instance(acme, tags=["b", "vip"], definition="other", source="event", event_type="order.created")
    stock.make_instance(staging, tags=["c", "vip"], status="waiting")
    stock.make_instance(beta, tags=["d"], status="running", accepted_at=NOW - timedelta(minutes=10))


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("", "abcd"),
        ("org:acme", "abc"),
        ("-org:acme", "d"),
        ("env:production", "abd"),
        ("env:acme/production,beta/production", "abd"),
        ("org:acme -env:staging", "ab"),
        ("org:acme org:beta", ""),
        ("definition:other", "b"),
        ("-definition:other", "acd"),
        ("status:failed,running", "ad"),
        ("-status:failed,running", "bc"),
        ("status:buffered", ""),
        ("vip", "bc"),
        ("tag:a,d", "ad"),
        ("-vip", "ad"),
        ("shard:1", "a"),
        ("-source:event", "acd"),
        ("event:order.created", "b"),
        ("-event:order.created", "acd"),
        ("age>1h", "a"),
        ("age>5m age<1h", "d"),
        ("-age>5m", "bc"),
        ("created>2026-01-01 created<2000-01-01", ""),
        ("created>=2000-01-01", "abcd"),
    ],
)
def test_sql_and_asking_agree(rows, text, tags):
    assert found(text) == set(tags)


def test_an_id_is_found(rows):
    one = Instance.objects.get(status="waiting")
    assert found(str(one.id)) == {"c"}
    assert found(f"-{one.id}") == set("abd")


def test_who_does_not_exist_here_is_named():
    make_env()
    for text in ("org:nobody", "env:nowhere", "-env:acme/nowhere"):
        with pytest.raises(SearchInvalid) as caught:
            resolve(text)
        assert caught.value.word == text


def test_only_the_environments_that_are_given_are_seen(rows):
    own = refresher.current().envs_by_slug["acme", "production"]
    narrowed = narrowing.resolve(search.parse("env:production"), [own])
    assert narrowed.env_ids == (own.id,)
    assert narrowed.wants(own)
    with pytest.raises(SearchInvalid):
        narrowing.resolve(search.parse("org:beta"), [own])


def test_what_is_buffered_is_searched_too():
    environment = make_env(mode="on", limit=1, window_ms=60_000, hold_ms=60_000)
    first, second = stock.mollify(environment, 2)
    env = seen(environment)
    for text, ids in (
        ("status:buffered", [second, first]),
        (f"-{first}", [second]),
        ("status:failed", []),
        ("vip", []),
    ):
        page = lookup.listing(env, Filters(search=narrowing.resolve(search.parse(text), [env])))
        assert [each.id for each in page.data] == ids


def test_what_is_unfinished_is_found_by_its_index():
    make_env()
    make_instances("noop", [None] * 500, status="completed", finished_at=timezone.now(), wake_at=None)
    condition, values = narrowing.where(resolve("status:waiting"))
    with connection.cursor() as cursor:
        # A plan follows the statistics, which a table that tests empty has from anywhere.
        cursor.execute("ANALYZE workflows_instance")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN SELECT id FROM workflows_instance i WHERE {condition} {lookup.ORDER} LIMIT 50", values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "instance_unfinished" in plan


def test_a_search_that_takes_too_long_is_given_up(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SEARCH_MAX_MS": 20}
    with pytest.raises(SearchTooWide), narrowing.patience(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    with narrowing.patience(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
