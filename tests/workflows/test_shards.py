"""Shards as they are read: a stored index stays what it is, and one that is no shard reads as 0."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import stock
from tests.tenants import make_env, request
from workflows import metrics, sharding, shards
from workflows.audit import Actor
from workflows.intake import submission
from workflows.models import AuditRecord, Instance, Shard

pytestmark = pytest.mark.django_db
OSCAR = Actor("oscar")


@pytest.fixture
def lanes(settings):
    """Return what makes so many shards the configured ones."""

    def configure(count: int) -> None:
        settings.WORKFLOWS = {**settings.WORKFLOWS, "SHARDS": count}

    Shard.objects.bulk_create(Shard(index=index) for index in range(8))
    return configure


def depths() -> dict[int, int]:
    return {line.index: line.load for line in shards.read(100)}


def scraped(name: str) -> dict[str, float]:
    metric = next(each for each in metrics.collect() if each.name == name)
    return {sample.labels["shard"]: sample.value for sample in metric.samples}


def test_a_changed_number_of_shards_moves_nothing_that_is_placed(lanes):
    env = make_env()
    lanes(8)
    placed = [submission.submit(request(env)).instance for _ in range(40)]
    before = dict(Instance.objects.values_list("id", "shard"))
    assert {each.id: sharding.shard_for(str(each.id), 8) for each in placed} == before
    for count in (4, 3, 16):
        lanes(count)
        submission.submit(request(env))
        assert dict(Instance.objects.filter(id__in=before).values_list("id", "shard")) == before
    assert set(before.values()) > {4}


def test_an_index_that_is_no_shard_reads_as_0_wherever_depth_is_read(lanes):
    env, now = make_env(), timezone.now()
    past = {"wake_at": now - timedelta(minutes=5)}
    lanes(4)
    for index, more in ((0, past), (1, past), (-1, past), (4, past), (99, past)):
        stock.make_instance(env, shard=index, **more)
    stock.make_instance(env, shard=7, status="running")
    assert depths() == {0: 5, 1: 1, 2: 0, 3: 0}
    assert {index: sharding.safe_shard(index, 4) for index in (-1, 4, 7, 99)} == dict.fromkeys((-1, 4, 7, 99), 0)
    assert scraped("workflows_shard_depth") == {"0": 4.0, "1": 1.0, "2": 0.0, "3": 0.0}
    lanes(8)
    assert depths() == {0: 3, 1: 1, 2: 0, 3: 0, 4: 1, 5: 0, 6: 0, 7: 1}


def test_the_lag_of_shard_0_is_that_of_what_reads_as_it_too(lanes):
    lanes(4)
    stock.make_instance(make_env(), shard=6, wake_at=timezone.now() - timedelta(minutes=5))
    assert shards.read(100)[0].lag_seconds == pytest.approx(300, abs=30)
    assert scraped("workflows_shard_lag_seconds")["0"] == pytest.approx(300, abs=30)


def test_a_read_is_one_query_and_counts_no_further_than_its_cap(lanes):
    lanes(4)
    env = make_env()
    for index in (0, 0, 0, 9, 9):
        stock.make_instance(env, shard=index, wake_at=timezone.now() - timedelta(seconds=5))
    with CaptureQueriesContext(connection) as queries:
        assert [line.ready for line in shards.read(3)][:2] == [4, 0]
    assert len(queries) == 1


def test_no_read_scans_the_table(lanes):
    lanes(4)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + shards.READ, {"limit": 10, "shards": 4})
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert re.findall(r"Seq Scan on workflows_instance", plan) == []


def test_skew_is_the_load_against_the_mean():
    def line(index: int, ready: int) -> shards.ShardLine:
        return shards.ShardLine(index, "", 1, True, None, 200, ready, 0, None)

    even, heavy = shards.skew([line(0, 1), line(1, 3)])
    assert (even.percent, even.against_mean, heavy.percent, heavy.against_mean) == (25, 0.5, 75, 1.5)
    assert [each.against_mean for each in shards.skew([line(0, 0), line(1, 0)])] == [1, 1]
    assert shards.skew([]) == []


def test_parallelism_is_set_once_and_recorded(lanes):
    assert shards.set_parallelism(2, 50, actor=OSCAR, reason="slow disk") == 200
    assert shards.set_parallelism(2, 50, actor=OSCAR, reason="again") == 50
    assert AuditRecord.objects.get().detail == {"before": 200, "after": 50}
    assert shards.set_parallelism(77, 1, actor=OSCAR, reason="x") == shards.ShardNotFound()


def test_what_a_shard_had_before_its_pause_is_remembered(lanes):
    assert shards.before_pause(1) == shards.DEFAULT_PARALLELISM
    shards.set_parallelism(1, 33, actor=OSCAR, reason="x")
    shards.set_parallelism(1, 0, actor=OSCAR, reason="x")
    assert shards.before_pause(1) == 33
