"""What a pump takes: only what is ready, only of its shard, only while the shard is its own."""

from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.workflows.making import dense, identity_of, log_of, make_instance, make_instances, row
from workflows.models import Instance, Shard
from workflows.pump import claims, leases
from workflows.pump.claims import READ_BYTES, Claimed
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def epoch():
    return leases.acquire(0, "test").epoch


def ids(batch):
    return {claim.id for claim in batch}


def test_only_what_is_ready_in_its_own_shard_is_claimed(epoch):
    now = timezone.now()
    ready = {make_instance(), make_instance(status=Status.WAITING), make_instance(status=Status.RUNNING, epoch=0)}
    make_instance(shard=1)
    make_instance(status=Status.WAITING, wake_at=now + timedelta(hours=1))
    make_instance(status=Status.WAITING, wake_at=None)
    assert ids(claims.claim(0, epoch, 10).claims) == ready
    assert claims.claim(0, epoch, 10).claims == []
    for instance in map(row, ready):
        assert (instance.status, instance.epoch, instance.wake_at) == (Status.RUNNING, epoch, None)


def test_a_claim_is_bounded_and_takes_those_due_longest_first(epoch):
    now = timezone.now()
    made = [make_instance(wake_at=now - timedelta(seconds=age)) for age in (1, 3, 2)]
    assert ids(claims.claim(0, epoch, 2).claims) == {made[1], made[2]}
    assert ids(claims.claim(0, epoch, 2).claims) == {made[0]}


def test_started_is_recorded_by_the_first_claim_alone(epoch):
    instance = make_instance()
    (first,) = claims.claim(0, epoch, 1).claims
    began = row(instance).started_at
    Instance.objects.filter(id=instance).update(wake_at=timezone.now(), error_code="definition_absent")
    (second,) = claims.claim(0, epoch, 1).claims
    assert log_of(instance) == [(1, "created", ""), (2, "started", "")]
    assert dense(instance)
    assert (first.tail, second.tail, second.log_bytes) == (2, 2, first.log_bytes)
    assert (row(instance).started_at, row(instance).error_code) == (began, None)
    assert first.at >= began


def test_a_dead_epoch_claims_nothing(epoch):
    instance = make_instance()
    for dead in (epoch - 1, epoch + 1):
        assert claims.claim(0, dead, 10).claims == []
    assert claims.claim(2, epoch, 10).claims == []
    assert (row(instance).status, log_of(instance)) == (Status.PENDING, [(1, "created", "")])


def test_a_row_that_someone_else_holds_is_passed_over(epoch):
    held, free = make_instances("noop", [1, 2])
    got = []

    def claim_beside():
        got.extend(claims.claim(0, epoch, 10).claims)
        connection.close()

    with transaction.atomic():
        Instance.objects.select_for_update(no_key=True).get(id=held)
        beside = Thread(target=claim_beside)
        beside.start()
        beside.join(30)
    assert ids(got) == {free}
    assert ids(claims.claim(0, epoch, 10).claims) == {held}


def test_what_an_epoch_owns_without_having_it_in_hand_is_made_ready_again(epoch):
    lost, held = make_instances("noop", [1, 2])
    claims.claim(0, epoch, 10)
    other = make_instance(status=Status.RUNNING, epoch=epoch + 1, wake_at=None)
    assert claims.recover(0, epoch, [held]) == 1
    assert (row(held).wake_at, row(other).wake_at) == (None, None)
    assert ids(claims.claim(0, epoch, 10).claims) == {lost}
    assert row(lost).takeovers == 0


def test_those_that_ended_are_told_from_those_that_run():
    ended, runs = make_instance(status=Status.CANCELLED, finished_at=timezone.now(), wake_at=None), make_instance()
    assert claims.finished_among([runs, ended]) == [ended]


@pytest.mark.parametrize(
    ("weights", "parts"),
    [
        ([], []),
        ([0, 1, 2], [3]),
        ([READ_BYTES, 1], [1, 1]),
        ([READ_BYTES // 2, READ_BYTES // 2, 1], [2, 1]),
        ([1, 3 * READ_BYTES, 1, 1], [2, 2]),
    ],
)
def test_a_batch_is_read_in_parts_bounded_by_bytes(weights, parts):
    now = timezone.now()
    batch = [Claimed(identity_of(), 1, weight, 0, now) for weight in weights]
    split = claims.in_parts(batch)
    assert [len(part) for part in split] == parts
    assert [claim for part in split for claim in part] == batch


def test_suspects_are_claimed_one_at_a_time_and_only_by_who_holds_nothing():
    epoch = leases.acquire(0, "a").epoch
    suspects = {make_instance(takeovers=2), make_instance(takeovers=4)}
    plain = make_instance()
    first = claims.claim(0, epoch, 10, alone=True)
    assert (ids(first.claims), first.suspects_wait, first.is_suspect) == ({plain}, True, False)
    assert claims.claim(0, epoch, 10) == claims.Batch([])
    second = claims.claim(0, epoch, 10, alone=True)
    assert (len(second.claims), second.suspects_wait, second.is_suspect) == (1, True, True)
    third = claims.claim(0, epoch, 0, alone=True)
    assert ids([*second.claims, *third.claims]) == suspects
    assert claims.claim(0, epoch, 10, alone=True).claims == []


def test_who_dies_with_a_suspect_is_blamed_for_it_alone():
    suspects = {make_instance(takeovers=2) for _ in range(3)}
    epoch = leases.acquire(0, "a").epoch
    (claimed,) = claims.claim(0, epoch, 10, alone=True).claims
    Shard.objects.update(deadline=timezone.now())
    successor = leases.acquire(0, "b").epoch
    assert leases.reap(0, successor) == 1
    assert {(id_, row(id_).takeovers) for id_ in suspects} == {(id_, 3 if id_ == claimed.id else 2) for id_ in suspects}
