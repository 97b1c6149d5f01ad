"""Other orgs' load, from this process to a server that the test runs."""

import time

import pytest

from bench.chaos import bystander
from tests.tenants import make_env
from workflows.intake import refresher
from workflows.models import ApiKey, Instance

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.filterwarnings("ignore::ResourceWarning")]


def test_every_trigger_is_sent_for_the_tenants_in_turn_and_its_answer_kept(live_server):
    keys = {}
    for slug in ("ada", "bob"):
        key = ApiKey(name="load", env=make_env(slug))
        keys[slug] = ApiKey.objects.assign_key(key)
        key.save()
    refresher.refresh()
    told = bystander.load(live_server.url, keys, time.time(), 1_000, 0.006, "some")
    assert told["answers"] == {"201": 6}
    assert set(told["accepted"].values()) == {"started"}
    assert len(told["latencies_ms"]) == 6
    rows = Instance.objects.all()
    assert {str(row.id) for row in rows} == set(told["accepted"])
    assert sorted(row.org.slug for row in rows) == ["ada"] * 3 + ["bob"] * 3
    assert {tuple(row.tags) for row in rows} == {("some",)}
