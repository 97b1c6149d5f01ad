"""Cancelling wherever the instance is, races included."""

import threading

import pytest
from django.db import connection

from tests.intake.draining import claim, drain, settle, write
from tests.tenants import make_env, request, seen
from workflows.engine import AlreadyFinished, Cancelled, FenceConflict, NotFound
from workflows.intake import control, lookup, submission
from workflows.intake.control import At, CancelledInBuffer
from workflows.intake.lookup import LookupUnavailable
from workflows.models import Event, Instance
from workflows.states import Status

ON = {"mode": "on", "limit": 1, "window_ms": 60_000, "hold_ms": 60_000}


@pytest.fixture
def env(db):
    made = make_env("acme", "production", **ON)
    submission.submit(request(made))
    return made


def cancel(env, id_, seq=None):
    return control.cancel(seen(env), id_, "not wanted", actor="ada", at=At(seq))


def test_a_buffered_instance_is_cancelled_at_once_and_never_runs(env):
    id_ = submission.submit(request(env)).instance.id
    assert cancel(env, id_) == CancelledInBuffer()
    shown = lookup.find(seen(env), id_)
    assert (shown.status, shown.error.message) == (Status.CANCELLED, "not wanted")
    assert cancel(env, id_) == AlreadyFinished(Status.CANCELLED)
    drain()
    row = lookup.find(seen(env), id_)
    assert (row.status, row.error.message) == (Status.CANCELLED, "not wanted")
    assert cancel(env, id_) == AlreadyFinished(Status.CANCELLED)


def test_a_row_is_cancelled_by_the_engine(env):
    id_ = submission.submit(request(env, bufferable=False)).instance.id
    assert cancel(env, id_) == Cancelled(2)


def test_a_fence_holds_in_both_places(env):
    row = submission.submit(request(env, bufferable=False)).instance.id
    assert cancel(env, row, 9) == FenceConflict(9, 1)
    assert cancel(env, row, 0) == FenceConflict(0, 1)
    entry = submission.submit(request(env)).instance.id
    assert cancel(env, entry, 1) == FenceConflict(1, 0)
    assert cancel(env, entry, 0) == CancelledInBuffer()


def test_another_tenants_instance_is_not_found(env):
    stranger = make_env("other", "production")
    for fields in ({}, {"bufferable": False}):
        id_ = submission.submit(request(env, **fields)).instance.id
        assert cancel(stranger, id_) == NotFound()
        assert lookup.find(seen(env), id_).status in ("buffered", Status.PENDING)


def test_without_redis_a_row_is_cancelled_and_nothing_else_is_denied(env, no_redis):
    row = submission.submit(request(env)).instance.id
    assert cancel(env, row) == Cancelled(2)
    with pytest.raises(LookupUnavailable):
        cancel(env, request(env).id)


@pytest.mark.parametrize("moment", ["queued", "leased", "written", "settled"])
def test_a_cancellation_at_any_moment_of_the_drain_ends_as_one_cancelled_instance(env, moment):
    id_ = submission.submit(request(env)).instance.id
    outcomes = []

    def at(now: str) -> None:
        if now == moment:
            outcomes.append(cancel(env, id_))

    at("queued")
    claimed = claim()
    at("leased")
    write(claimed.entries)
    at("written")
    settle(claimed)
    at("settled")
    assert outcomes == [Cancelled(2) if moment == "settled" else CancelledInBuffer()]
    assert lookup.find(seen(env), id_).status == Status.CANCELLED
    assert Event.objects.filter(instance_id=id_, type="cancelled").count() == 1
    assert Instance.objects.filter(id=id_).count() == 1
    assert drain() == 0


@pytest.mark.django_db(transaction=True)
def test_cancellations_that_race_a_drain_are_all_kept(env):
    wanted = [submission.submit(request(env)).instance.id for _ in range(60)]
    outcomes = {}

    def cancel_all():
        for id_ in wanted:
            outcomes[id_] = cancel(env, id_)
        connection.close()

    racer = threading.Thread(target=cancel_all)
    racer.start()
    drained = 0
    while drained < len(wanted):
        claimed = claim()
        write(claimed.entries)
        settle(claimed)
        drained += len(claimed.entries)
    racer.join()
    assert {type(outcome) for outcome in outcomes.values()} <= {CancelledInBuffer, Cancelled}
    assert set(Instance.objects.filter(id__in=wanted).values_list("status", flat=True)) == {Status.CANCELLED}
    assert Event.objects.filter(type="cancelled").count() == 60
