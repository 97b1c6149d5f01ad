"""Reads of the engine's tables, on a real server."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard import engine
from tests import stock, tenants
from workflows import storms
from workflows.models import Shard

pytestmark = pytest.mark.django_db


def test_a_shard_shows_its_pump_its_depth_and_its_lag() -> None:
    environment = tenants.make_env()
    now = timezone.now()
    Shard.objects.create(index=0, owner="here", epoch=3, deadline=now + timedelta(seconds=30))
    Shard.objects.create(index=1, owner="gone", epoch=2, deadline=now - timedelta(seconds=30))
    stock.make_instance(environment, wake_at=now - timedelta(seconds=20))
    stock.make_instance(environment, wake_at=now - timedelta(seconds=10))
    stock.make_instance(environment, wake_at=now + timedelta(hours=1), status="waiting")
    stock.make_instance(environment, shard=1, status="running", epoch=2)
    alive, dead = engine.read_shards()
    assert (alive.alive, alive.ready, alive.running) == (True, 2, 0)
    assert alive.lag_seconds == pytest.approx(20, abs=2)
    assert (dead.alive, dead.ready, dead.running, dead.lag_seconds) == (False, 0, 1, None)


def test_counts_stop_at_their_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = tenants.make_env()
    for _ in range(5):
        stock.make_instance(environment, wake_at=timezone.now() - timedelta(seconds=1))
    Shard.objects.create(index=0)
    monkeypatch.setattr(engine, "COUNT_CAP", 3)
    assert dict(engine.count_unfinished())["pending"] == 4
    assert engine.read_shards()[0].ready == 4


def test_open_storms_are_read_the_latest_first_and_one_more_than_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = tenants.make_env()
    monkeypatch.setattr(engine, "STORMS_SHOWN", 2)
    ids = [
        storms.suppress(
            [tenants.trigger(environment, event_type=f"order.{number}", event_key="k")], limit=50, backlog=50
        )
        for number in range(4)
    ]
    storms.close(ids[0], "ada")
    read = engine.read_storms()
    assert [line.event_type for line in read] == ["order.3", "order.2", "order.1"]
    assert (read[0].org, read[0].suppressed, read[0].peak, read[0].limit) == ("acme", 1, 50, 50)
