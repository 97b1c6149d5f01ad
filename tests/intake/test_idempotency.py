"""Freeing an idempotency key: what answers for it afterwards, and that no reset is lost in a drain."""

import threading

import pytest
from django.db import connection

from mollifier import gate
from mollifier.decision import PassThrough
from tests.intake.draining import claim, drain, settle, write
from tests.tenants import make_env, request, seen
from workflows import engine
from workflows.audit import Actor
from workflows.intake import idempotency, lookup, preflight, submission
from workflows.intake.idempotency import Busy, Cleared, NotFound
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.submission import Existing, Started
from workflows.models import AuditRecord, Instance

BY = {"actor": Actor("ada"), "reason": "sent again on purpose"}
ON = {"mode": "on", "limit": 1, "window_ms": 60_000, "hold_ms": 60_000}


@pytest.fixture
def env(db):
    made = make_env("acme", "production", **ON)
    submission.submit(request(made))
    return made


def submit(env, key="k", **fields):
    return submission.submit(request(env, idempotency_key=key, **fields))


def reset(env, key="k"):
    return idempotency.reset(seen(env), "greet", key, **BY)


@pytest.mark.parametrize("finished", [False, True])
def test_a_rows_key_is_freed_finished_or_not_and_starts_something_new(env, finished):
    first = submit(env, bufferable=False).instance.id
    if finished:
        engine.cancel(first, "enough", actor="ada")
    assert reset(env) == Cleared(first)
    second = submit(env, bufferable=False)
    assert isinstance(second, Started)
    assert second.instance.id != first
    assert Instance.objects.filter(id=first).exists()
    record = AuditRecord.objects.get(verb="clear_idempotency_key")
    assert (record.filter["instance"], record.reason, record.org_id) == (str(first), BY["reason"], env.org_id)


def test_a_free_key_is_not_found_and_anothers_is_not_touched(env):
    assert reset(env) == NotFound()
    mine = submit(env, bufferable=False).instance.id
    stranger = make_env("other", "production")
    assert reset(stranger) == reset(env, "other") == idempotency.reset(seen(env), "other", "k", **BY) == NotFound()
    again = submit(env, bufferable=False)
    assert isinstance(again, Existing)
    assert again.instance.id == mine


@pytest.mark.parametrize("moment", ["queued", "leased", "written"])
def test_a_reset_during_a_drain_says_that_it_did_nothing(env, moment):
    id_ = submit(env).instance.id
    claimed = claim() if moment != "queued" else None
    if moment == "written":
        write(claimed.entries)
    assert reset(env) == Busy(id_)
    if moment == "leased":
        write(claimed.entries)
    settle(claimed) if claimed else drain()
    assert isinstance(submit(env), Existing)
    assert reset(env) == Cleared(id_)
    again = submit(env)
    assert again.instance.id != id_


def test_a_start_that_is_on_its_way_is_waited_for(db):
    env = make_env("fresh", "production", **ON)
    ready = preflight.check(request(env, idempotency_key="k"))
    assert isinstance(gate.admit(ready.arrival), PassThrough)
    assert reset(env) == Busy(ready.trigger.id)
    engine.start(ready.trigger)
    assert reset(env) == Cleared(ready.trigger.id)


def test_a_start_that_never_came_does_not_hold_its_key_for_ever(db, monkeypatch):
    env = make_env("fresh", "production", **ON)
    ready = preflight.check(request(env, idempotency_key="k"))
    gate.admit(ready.arrival)
    monkeypatch.setattr(idempotency, "BINDING_GRACE_MS", 0)
    assert reset(env) == Cleared(ready.trigger.id)


def test_a_superseded_instance_does_not_keep_the_key(env):
    submit(env, key="other")
    loser = submit(env).instance.id
    owner = submission.submit(request(env, idempotency_key="x", bufferable=False)).instance.id
    Instance.objects.filter(id=owner).update(idempotency_key="k")
    drain()
    assert Instance.objects.get(id=loser).superseded_by == owner
    assert reset(env) == Cleared(owner)
    assert reset(env) == NotFound()
    assert lookup.find(seen(env), loser).id == owner


def test_without_redis_nothing_is_freed(env, no_redis):
    submit(env, bufferable=False)
    with pytest.raises(LookupUnavailable):
        reset(env)
    assert Instance.objects.filter(idempotency_key="k").exists()


@pytest.mark.django_db(transaction=True)
def test_no_reset_that_races_a_drain_is_lost(env):
    """Whatever said that it freed a key did: the next trigger with it is another instance; the others still answer."""
    owners = {f"k{number}": submit(env, key=f"k{number}").instance.id for number in range(60)}
    outcomes = {}

    def reset_all() -> None:
        try:
            for key in owners:
                outcomes[key] = reset(env, key)
        finally:
            connection.close()

    racer = threading.Thread(target=reset_all)
    racer.start()
    drain()
    racer.join(60)
    assert set(map(type, outcomes.values())) <= {Cleared, Busy}
    for key, outcome in outcomes.items():
        again = submit(env, key=key).instance.id
        assert (again != owners[key]) is isinstance(outcome, Cleared), (key, outcome)
