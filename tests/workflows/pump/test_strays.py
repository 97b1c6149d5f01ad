"""Instances whose index is no lane any more: shard 0 runs them, and nobody else does."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.workflows.making import make_instance, row
from workflows.models import Instance, Shard
from workflows.pump import claims, leases

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_has_no_lane_is_claimed_by_shard_0_after_its_own():
    strays = [make_instance(shard=index) for index in (-1, 4, 99)]
    own, other = make_instance(shard=0), make_instance(shard=1)
    zero, one = leases.acquire(0, "a"), leases.acquire(1, "b")
    assert [each.id for each in claims.claim(0, zero.epoch, 1).claims] == [own]
    assert {each.id for each in claims.claim(0, zero.epoch, 10).claims} == set(strays)
    assert [each.id for each in claims.claim(1, one.epoch, 10).claims] == [other]
    assert set(Instance.objects.values_list("shard", flat=True)) == {-1, 0, 1, 4, 99}


def test_a_lane_that_still_has_a_pump_keeps_its_own(settings):
    stray = make_instance(shard=5)
    Shard.objects.create(index=5, epoch=3, deadline=timezone.now() + timedelta(seconds=30))
    zero = leases.acquire(0, "a")
    assert claims.claim(0, zero.epoch, 10).claims == []
    Shard.objects.filter(index=5).update(deadline=timezone.now() - timedelta(seconds=1))
    assert [each.id for each in claims.claim(0, zero.epoch, 10).claims] == [stray]


def test_what_a_dead_pump_of_no_lane_left_running_is_freed_by_an_epoch_above_its_own():
    stray = make_instance(shard=5, status="running", epoch=37, wake_at=None)
    Shard.objects.create(index=5, epoch=37, deadline=timezone.now() - timedelta(seconds=1))
    zero = leases.acquire(0, "a")
    assert zero.epoch == 38
    assert leases.reap(0, zero.epoch) == 1
    assert [each.id for each in claims.claim(0, zero.epoch, 10).claims] == [stray]
    assert claims.recover(0, zero.epoch, []) == 1
    assert claims.claim(0, zero.epoch, 10).claims
    assert leases.release(0, zero.epoch, "{}") == 1
    assert row(stray).epoch == 0
