"""Gauges of the engine: bounded, by status and shard, and never by tenant."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from uuid_utils.compat import uuid7

from tests.tenants import make_env, trigger
from tests.workflows.making import make_instances
from workflows import metrics, storms
from workflows.models import Instance, Outbox, ScheduleFires, Shard

pytestmark = pytest.mark.django_db


def values(name: str) -> dict[str, float]:
    """Return the value of each sample by its label."""
    metric = next(metric for metric in metrics.collect() if metric.name == name)
    return {"".join(sample.labels.values()): sample.value for sample in metric.samples}


@pytest.fixture(autouse=True)
def _shards():
    Shard.objects.all().delete()
    now = timezone.now()
    Shard.objects.create(index=0, owner="a", epoch=3, deadline=now + timedelta(seconds=4))
    Shard.objects.create(index=1, owner="b", epoch=2, deadline=now - timedelta(seconds=4))
    Shard.objects.create(index=2)


def test_unfinished_instances_are_counted_by_status():
    running, ended, *_ = make_instances("noop", [None] * 5)
    Instance.objects.filter(id=running).update(status="running")
    Instance.objects.filter(id=ended).update(status="completed", finished_at=timezone.now())
    assert values("workflows_instances") == {"pending": 3.0, "running": 1.0, "waiting": 0.0, "paused": 0.0}


def test_what_is_due_is_counted_by_shard_with_its_lag():
    past, future = timezone.now() - timedelta(seconds=30), timezone.now() + timedelta(hours=1)
    make_instances("noop", [None] * 2, shard=1, wake_at=past)
    make_instances("noop", [None], shard=1, wake_at=future)
    make_instances("noop", [None], shard=2, wake_at=None)
    assert values("workflows_shard_depth") == {"0": 0.0, "1": 2.0, "2": 0.0}
    lags = values("workflows_shard_lag_seconds")
    assert 30 <= lags["1"] < 60
    assert (lags["0"], lags["2"]) == (0.0, 0.0)


def test_a_shard_is_owned_while_its_pump_is_alive():
    assert values("workflows_shard_owned") == {"0": 1.0, "1": 0.0, "2": 0.0}


def test_counting_stops_at_the_cap(monkeypatch):
    monkeypatch.setattr(metrics, "COUNT_CAP", 3)
    make_instances("noop", [None] * 5)
    assert values("workflows_instances")["pending"] == 3.0
    assert values("workflows_shard_depth")["0"] == 3.0


def test_a_scrape_costs_three_queries_however_much_there_is():
    make_instances("noop", [None] * 20)
    with CaptureQueriesContext(connection) as queries:
        list(metrics.collect())
    assert len(queries) == 3


def test_every_metric_is_in_the_table():
    names = {name.removesuffix("_total") for name in metrics.TABLE}
    assert {metric.name for metric in metrics.collect()} == names - {"workflows_directory_age_seconds"}
    assert metrics.directory_age(1.5).samples[0].value == 1.5


def test_what_pumps_did_is_summed_over_the_shards():
    Shard.objects.filter(index=0).update(counts={"appended": 7, "conflict": 2, "step_completed": 5})
    Shard.objects.filter(index=1).update(counts={"appended": 3, "step_failed": 1})
    assert values("workflows_appends")["appended"] == 10.0
    assert values("workflows_fence_conflicts") == {"": 2.0}
    assert values("workflows_steps") == {"completed": 5.0, "failed": 1.0, "retrying": 0.0}


def test_open_storms_and_what_all_of_them_refused_are_told():
    env = make_env()
    for key in "abc":
        storm = storms.suppress([trigger(env, event_type="order.created", event_key=key)], limit=1, backlog=1)
    storms.suppress([trigger(env, event_type="order.paid", event_key="d")], limit=1, backlog=1)
    assert (values("workflows_storms_open"), values("workflows_suppressed")) == ({"": 2.0}, {"": 4.0})
    storms.close(storm, "ada")
    assert (values("workflows_storms_open"), values("workflows_suppressed")) == ({"": 1.0}, {"": 4.0})


def test_fires_of_schedules_are_counted_by_outcome():
    ScheduleFires.objects.create(outcome="started", total=3)
    fires = values("workflows_schedule_fires")
    assert fires["started"] == 3.0
    assert fires["deferred"] == 0.0


def test_the_outbox_is_as_old_as_its_first_row():
    assert values("workflows_outbox_oldest_age_seconds") == {"": 0.0}
    env = make_env()
    told = {"instance_id": uuid7(), "org_id": env.org_id, "env_id": env.id, "type": "order.created", "payload": {}}
    now = timezone.now()
    Outbox.objects.create(key="a", created_at=now - timedelta(seconds=90), **told)
    Outbox.objects.create(key="b", created_at=now, **told)
    assert 90 <= values("workflows_outbox_oldest_age_seconds")[""] < 150
    Outbox.objects.create(key="c", created_at=now + timedelta(hours=1), **told)
    Outbox.objects.exclude(key="c").delete()
    assert values("workflows_outbox_oldest_age_seconds") == {"": 0.0}, "another host's clock may be ahead"
