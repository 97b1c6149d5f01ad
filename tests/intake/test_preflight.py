"""What may run, decided in memory, and the trigger that is made of it."""

import pytest

from tests.exchanges import traced
from tests.tenants import make_env, request
from workflows import conf, sharding, snapshot
from workflows.intake import preflight, refresher
from workflows.intake.outcome import Rejected, Unavailable
from workflows.intake.preflight import Ready
from workflows.models import Definition
from workflows.trigger import fingerprint


@pytest.mark.django_db
def test_a_request_becomes_a_trigger_and_an_arrival_in_memory():
    env = make_env("acme", "production", mode="on", limit=3)
    wanted = request(env, idempotency_key="k", payload=b"[1]", tags=("t",), metadata=b'{"m":1}', bufferable=False)
    with traced() as sent:
        ready = preflight.check(wanted)
    assert sent == []
    assert isinstance(ready, Ready)
    trigger, arrival = ready.trigger, ready.arrival
    assert (trigger.id, trigger.root_id, trigger.version) == (wanted.id, wanted.id, 1)
    assert (trigger.payload, trigger.tags, trigger.metadata) == (b"[1]", ("t",), b'{"m":1}')
    assert snapshot.decode(arrival.snapshot).id == wanted.id
    assert (arrival.scope.org, arrival.scope.env) == (str(env.org_id), str(env.id))
    assert (arrival.rollout.limits.env.count, arrival.bufferable) == (3, False)
    assert arrival.binding.fingerprint == fingerprint("greet", b"[1]")


@pytest.mark.django_db
def test_the_shard_is_the_ids_unless_the_definition_is_pinned():
    env = make_env()
    shards = conf.current().shards
    for _ in range(5):
        wanted = request(env)
        assert preflight.check(wanted).trigger.shard == sharding.shard_for(str(wanted.id), shards)
    Definition(slug="greet", shard_by="definition").save()
    refresher.refresh()
    assert preflight.check(request(env)).trigger.shard == sharding.shard_for("greet", shards)


@pytest.mark.django_db
def test_without_a_key_nothing_is_bound():
    assert preflight.check(request(make_env())).arrival.binding is None


@pytest.mark.django_db
def test_a_definition_must_be_known_and_active():
    env = make_env()
    assert preflight.check(request(env, "unheard-of")) == Rejected(
        "definition_not_found", "There is no definition 'unheard-of'."
    )
    Definition(slug="greet", active=False).save()
    refresher.refresh()
    assert preflight.check(request(env)).code == "definition_inactive"


@pytest.mark.django_db(transaction=True)
def test_without_a_directory_nothing_can_be_said(outage):
    env = make_env()
    wanted = request(env)
    refresher.forget()
    outage.begin()
    assert preflight.check(wanted) == Unavailable()
